#include "runner/distributed/mpi_work.h"

#include <fmt/format.h>

#include "runner/distributed/mpi_channel.h"

namespace medsweep::runner {

MpiWork::MpiWork(c10d::OpType operation, std::vector<at::Tensor> tensors, std::int64_t number)
    : c10d::Work(-1, operation),
      tensors_(std::move(tensors)),
      number_(number),
      future_(
          c10::make_intrusive<c10::ivalue::Future>(c10::ListType::create(c10::TensorType::get()))) {
}

std::string MpiWork::name() const {
  switch (opType_) {
    case c10d::OpType::ALLREDUCE:
      return "all_reduce";
    case c10d::OpType::BROADCAST:
      return "broadcast";
    case c10d::OpType::ALLGATHER:
    case c10d::OpType::_ALLGATHER_BASE:
      return "all_gather";
    default:
      return c10d::opTypeToString(opType_);
  }
}

bool MpiWork::wait(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto done = [this] { return completed_; };
  if (timeout == kNoTimeout)
    cv_.wait(lock, done);
  else if (!cv_.wait_for(lock, timeout, done))
    throw CollectiveTimeout(fmt::format("[distributed] {} #{}: not done within {} s", name(),
                                        number_, double(timeout.count()) / 1000));
  if (exception_) std::rethrow_exception(exception_);
  return true;
}

void MpiWork::complete(std::exception_ptr error) {
  if (error)
    future_->setError(error);
  else
    future_->markCompleted(c10::IValue(tensors_));
  finish(error);
}

}  // namespace medsweep::runner
