#include <atomic>

#include "runner/distributed/trial_queue.h"

namespace medsweep::runner {
namespace {

class SingleTrialQueue final : public TrialQueue {
 public:
  explicit SingleTrialQueue(std::vector<std::int64_t> trials) : trials_(std::move(trials)) {}
  std::optional<std::int64_t> next() override {
    if (cancelled_ || position_ == trials_.size()) return std::nullopt;
    return trials_[position_++];
  }
  void cancel() override { cancelled_ = true; }

 private:
  std::vector<std::int64_t> trials_;
  std::size_t position_ = 0;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace

std::unique_ptr<TrialQueue> single_trial_queue(std::vector<std::int64_t> trials) {
  return std::make_unique<SingleTrialQueue>(std::move(trials));
}

}  // namespace medsweep::runner
