#include <fmt/format.h>

#include <stdexcept>

#include "runner/distributed/communicator.h"
#include "runner/distributed/trial_queue.h"

namespace medsweep::runner {
namespace {

void check_single_root(int root) {
  if (root != 0)
    throw std::invalid_argument(fmt::format("[communicator] root {}; 0 is allowed", root));
}

class SingleCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string broadcast(const std::string& text, int root) override {
    check_single_root(root);
    return text;
  }
  void all_reduce_sum(std::span<double>) override {}
  void all_reduce_max(std::span<double>) override {}
  std::vector<std::string> gather(const std::string& text, int root) override {
    check_single_root(root);
    return {text};
  }
  void barrier() override {}
  std::unique_ptr<Communicator> split(int color) override {
    return color < 0 ? nullptr : single_communicator();
  }
  c10::intrusive_ptr<c10d::ProcessGroup> process_group(CollectiveThread) override { return {}; }
  std::unique_ptr<TrialQueue> trial_queue(std::vector<std::int64_t> trials, int) override {
    return single_trial_queue(std::move(trials));
  }
};

}  // namespace

std::unique_ptr<Communicator> single_communicator() {
  return std::make_unique<SingleCommunicator>();
}

}  // namespace medsweep::runner
