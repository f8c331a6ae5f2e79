#include "runner/distributed/mpi_backend.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "runner/distributed/mpi_reduction.h"

namespace medsweep::runner {
namespace {

int rank_of(MPI_Comm comm) {
  int rank = 0;
  check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  return rank;
}

int size_of(MPI_Comm comm) {
  int size = 1;
  check_mpi(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  return size;
}

at::Tensor& only(std::vector<at::Tensor>& tensors, std::string_view where) {
  if (tensors.size() != 1)
    throw std::invalid_argument(
        fmt::format("[distributed.{}] {} tensors; 1 is allowed", where, tensors.size()));
  if (!tensors[0].device().is_cpu())
    throw std::invalid_argument(fmt::format("[distributed.{}] a tensor on {}; cpu is allowed",
                                            where, tensors[0].device().str()));
  return tensors[0];
}

/// Calls `use` with bytes that may be sent piecewise.
template <typename Use>
void for_each_piece(void* data, std::size_t bytes, Use use) {
  for (std::size_t first = 0; first < bytes; first += std::size_t(kPieceBytes))
    use(static_cast<char*>(data) + first, int(std::min(bytes - first, std::size_t(kPieceBytes))));
}

void all_gather_bytes(const at::Tensor& input, at::Tensor& flat, MPI_Comm comm) {
  if (input.nbytes() > std::size_t(INT32_MAX))
    throw std::invalid_argument(fmt::format("[distributed.all_gather] {} bytes; {} are allowed",
                                            input.nbytes(), INT32_MAX));
  const int bytes = int(input.nbytes());
  check_mpi(
      MPI_Allgather(input.data_ptr(), bytes, MPI_BYTE, flat.data_ptr(), bytes, MPI_BYTE, comm),
      "MPI_Allgather");
}

}  // namespace

MpiBackend::MpiBackend(MPI_Comm comm, std::chrono::milliseconds timeout, CollectiveThread thread)
    : c10d::Backend(rank_of(comm), size_of(comm)),
      channel_(comm, timeout,
               thread == CollectiveThread::kWorker ? Waiting::kSleep : Waiting::kYield),
      timeout_(timeout) {
  if (thread == CollectiveThread::kWorker) worker_ = std::thread([this] { work_until_stopped(); });
}

MpiBackend::~MpiBackend() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (worker_.joinable()) worker_.join();
}

void MpiBackend::setTimeout(std::chrono::milliseconds timeout) {
  std::lock_guard lock(mutex_);
  timeout_ = timeout;
}

std::uint64_t MpiBackend::getSequenceNumberForGroup() {
  std::lock_guard lock(mutex_);
  return std::uint64_t(submitted_);
}

c10::intrusive_ptr<c10d::Work> MpiBackend::submit(c10d::OpType operation,
                                                  std::vector<at::Tensor> outputs,
                                                  std::chrono::milliseconds timeout,
                                                  std::function<void(const Task&)> run) {
  std::unique_lock lock(mutex_);
  auto work = c10::make_intrusive<MpiWork>(operation, std::move(outputs), ++submitted_);
  Task task{work, std::move(run), timeout == c10d::kUnsetTimeout ? timeout_ : timeout};
  if (!worker_.joinable()) {
    lock.unlock();
    perform(task);
    return work;
  }
  tasks_.push_back(std::move(task));
  lock.unlock();
  changed_.notify_all();
  return work;
}

void MpiBackend::work_until_stopped() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    perform(task);
  }
}

void MpiBackend::perform(Task& task) {
  if (!broken_) try {
      task.run(task);
    } catch (...) {
      broken_ = std::current_exception();
    }
  task.work->complete(broken_);
}

void MpiBackend::meet(const Task& task) {
  channel_.meet(task.work->name(), std::int64_t(task.work->getSequencenumber()), task.timeout);
}

void MpiBackend::all_reduce(at::Tensor& tensor, c10d::ReduceOp::RedOpType operation,
                            const Task& task) {
  const auto complete = [&](MPI_Request& request) {
    channel_.complete(request, task.work->name(), std::int64_t(task.work->getSequencenumber()),
                      task.timeout);
  };
  try {
    all_reduce_in_place(tensor, operation, channel_.get(), complete);
  } catch (...) {
    abandoned_.push_back(tensor);
    throw;
  }
}

c10::intrusive_ptr<c10d::Work> MpiBackend::allreduce(std::vector<at::Tensor>& tensors,
                                                     const c10d::AllreduceOptions& options) {
  at::Tensor tensor = only(tensors, "all_reduce");
  const auto operation = options.reduceOp.op_;
  check_reducible(tensor, operation);
  return submit(c10d::OpType::ALLREDUCE, tensors, options.timeout,
                [this, tensor, operation](const Task& task) mutable {
                  at::NoGradGuard no_grad;
                  at::Tensor packed = tensor.contiguous();
                  all_reduce(packed, operation, task);
                  if (!packed.is_same(tensor)) tensor.copy_(packed);
                });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::broadcast(std::vector<at::Tensor>& tensors,
                                                     const c10d::BroadcastOptions& options) {
  at::Tensor tensor = only(tensors, "broadcast");
  const int root = int(options.rootRank);
  if (root < 0 || root >= getSize())
    throw std::invalid_argument(
        fmt::format("[distributed.broadcast] root {}; 0...{} is allowed", root, getSize() - 1));
  return submit(c10d::OpType::BROADCAST, tensors, options.timeout,
                [this, tensor, root](const Task& task) mutable {
                  at::NoGradGuard no_grad;
                  meet(task);
                  at::Tensor packed = tensor.contiguous();
                  for_each_piece(packed.data_ptr(), packed.nbytes(), [&](void* piece, int bytes) {
                    check_mpi(MPI_Bcast(piece, bytes, MPI_BYTE, root, channel_.get()), "MPI_Bcast");
                  });
                  if (!packed.is_same(tensor)) tensor.copy_(packed);
                });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::allgather(std::vector<std::vector<at::Tensor>>& outputs,
                                                     std::vector<at::Tensor>& inputs,
                                                     const c10d::AllgatherOptions& options) {
  at::Tensor input = only(inputs, "all_gather");
  if (outputs.size() != 1 || outputs[0].size() != std::size_t(getSize()))
    throw std::invalid_argument(fmt::format(
        "[distributed.all_gather] outputs do not hold one list of {} tensors", getSize()));
  std::vector<at::Tensor> parts = outputs[0];
  return submit(c10d::OpType::ALLGATHER, parts, options.timeout,
                [this, input, parts](const Task& task) mutable {
                  at::NoGradGuard no_grad;
                  meet(task);
                  at::Tensor flat = at::empty({getSize(), input.numel()}, input.options());
                  all_gather_bytes(input.contiguous(), flat, channel_.get());
                  for (std::int64_t i = 0; i < getSize(); ++i)
                    parts[std::size_t(i)].copy_(flat.select(0, i).view(input.sizes()));
                });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::_allgather_base(at::Tensor& output, at::Tensor& input,
                                                           const c10d::AllgatherOptions& options) {
  if (output.numel() != input.numel() * getSize() || !output.is_contiguous() ||
      output.scalar_type() != input.scalar_type())
    throw std::invalid_argument(
        fmt::format("[distributed.all_gather] an output of {} elements; {} of the input's type, "
                    "contiguous, are allowed",
                    output.numel(), input.numel() * getSize()));
  return submit(c10d::OpType::_ALLGATHER_BASE, {output}, options.timeout,
                [this, input, output](const Task& task) mutable {
                  meet(task);
                  all_gather_bytes(input.contiguous(), output, channel_.get());
                });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::barrier(const c10d::BarrierOptions& options) {
  return submit(c10d::OpType::BARRIER, {}, options.timeout,
                [this](const Task& task) { meet(task); });
}

c10::intrusive_ptr<c10d::ProcessGroup> mpi_process_group(MPI_Comm comm,
                                                         std::chrono::milliseconds timeout,
                                                         CollectiveThread thread) {
  auto backend = c10::make_intrusive<MpiBackend>(comm, timeout, thread);
  auto group = c10::make_intrusive<c10d::ProcessGroup>(c10::make_intrusive<c10d::HashStore>(),
                                                       rank_of(comm), size_of(comm));
  group->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::MPI,
                    c10::intrusive_ptr<c10d::Backend>(backend));
  group->setDefaultBackend(c10d::ProcessGroup::BackendType::MPI);
  return group;
}

}  // namespace medsweep::runner
