#pragma once

#include <cstdint>
#include <torch/csrc/distributed/c10d/Work.hpp>
#include <vector>

namespace medsweep::runner {

/// A collective that MpiBackend's worker will do or has done.
/// An exception of the worker is thrown again by wait() and by the future's value().
class MpiWork final : public c10d::Work {
 public:
  /// tensors: the outputs. number: the how-manieth collective of its process group.
  MpiWork(c10d::OpType operation, std::vector<at::Tensor> tensors, std::int64_t number);

  /// "all_reduce", ...
  std::string name() const;
  std::uint64_t getSequencenumber() const override { return std::uint64_t(number_); }
  std::vector<at::Tensor> result() override { return tensors_; }
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future_; }
  /// Sleeps until the worker is done; kNoTimeout: for as long as the worker waits itself.
  /// Throws what the worker threw, or CollectiveTimeout.
  bool wait(std::chrono::milliseconds timeout = kNoTimeout) override;

  /// For the worker: done, or failed with `error`.
  void complete(std::exception_ptr error);

 private:
  std::vector<at::Tensor> tensors_;
  std::int64_t number_;
  c10::intrusive_ptr<c10::ivalue::Future> future_;
};

}  // namespace medsweep::runner
