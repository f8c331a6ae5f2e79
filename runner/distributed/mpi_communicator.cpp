#include "runner/distributed/mpi_communicator.h"

#include <fmt/format.h>

#include <numeric>
#include <stdexcept>

#include "runner/distributed/mpi_backend.h"
#include "runner/distributed/mpi_channel.h"
#include "runner/distributed/mpi_trial_queue.h"

namespace medsweep::runner {
namespace {

int checked_count(std::size_t count) {
  if (count > std::size_t(INT32_MAX))
    throw std::invalid_argument(
        fmt::format("[communicator] {} elements; at most {} are allowed", count, INT32_MAX));
  return int(count);
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(MPI_Comm comm, const MpiOptions& options, std::chrono::milliseconds timeout)
      : channel_(comm, timeout, Waiting::kYield), options_(options) {}

  int rank() const override { return channel_.rank(); }
  int size() const override { return channel_.size(); }

  std::string broadcast(const std::string& text, int root) override {
    check_root(root);
    meet("broadcast");
    std::uint64_t length = text.size();
    check_mpi(MPI_Bcast(&length, 1, MPI_UINT64_T, root, channel_.get()), "MPI_Bcast");
    std::string received = rank() == root ? text : std::string(length, '\0');
    check_mpi(MPI_Bcast(received.data(), checked_count(length), MPI_CHAR, root, channel_.get()),
              "MPI_Bcast");
    return received;
  }

  void all_reduce_sum(std::span<double> values) override {
    all_reduce(values, MPI_SUM, "all_reduce_sum");
  }
  void all_reduce_max(std::span<double> values) override {
    all_reduce(values, MPI_MAX, "all_reduce_max");
  }

  std::vector<std::string> gather(const std::string& text, int root) override {
    check_root(root);
    meet("gather");
    const int length = checked_count(text.size());
    std::vector<int> lengths(std::size_t(size()), 0), offsets(std::size_t(size()), 0);
    check_mpi(MPI_Gather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, root, channel_.get()),
              "MPI_Gather");
    std::size_t total = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      offsets[i] = checked_count(total);
      total += std::size_t(lengths[i]);
    }
    std::string all(total, '\0');
    check_mpi(MPI_Gatherv(text.data(), length, MPI_CHAR, all.data(), lengths.data(), offsets.data(),
                          MPI_CHAR, root, channel_.get()),
              "MPI_Gatherv");
    std::vector<std::string> texts;
    if (rank() != root) return texts;
    for (std::size_t i = 0; i < lengths.size(); ++i)
      texts.push_back(all.substr(std::size_t(offsets[i]), std::size_t(lengths[i])));
    return texts;
  }

  void barrier() override { meet("barrier"); }

  std::unique_ptr<Communicator> split(int color) override {
    meet("split");
    MPI_Comm part = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(channel_.get(), color < 0 ? MPI_UNDEFINED : color, rank(), &part),
              "MPI_Comm_split");
    if (part == MPI_COMM_NULL) return nullptr;
    auto group = std::make_unique<MpiCommunicator>(part, options_, options_.timeout);
    check_mpi(MPI_Comm_free(&part), "MPI_Comm_free");
    return group;
  }

  c10::intrusive_ptr<c10d::ProcessGroup> process_group(CollectiveThread thread) override {
    if (size() == 1) return {};
    meet("process_group");
    return mpi_process_group(channel_.get(), channel_.timeout(), thread);
  }

  std::unique_ptr<TrialQueue> trial_queue(std::vector<std::int64_t> trials, int askers) override {
    meet("trial_queue");
    return mpi_trial_queue(channel_.get(), std::move(trials), askers);
  }

 private:
  void meet(std::string_view what) { channel_.meet(what, ++number_, channel_.timeout()); }

  void check_root(int root) const {
    if (root < 0 || root >= size())
      throw std::invalid_argument(
          fmt::format("[communicator] root {}; 0...{} is allowed", root, size() - 1));
  }

  void all_reduce(std::span<double> values, MPI_Op operation, std::string_view what) {
    meet(what);
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), checked_count(values.size()), MPI_DOUBLE,
                            operation, channel_.get()),
              "MPI_Allreduce");
  }

  MpiChannel channel_;
  MpiOptions options_;
  std::int64_t number_ = 0;
};

}  // namespace

std::unique_ptr<Communicator> mpi_communicator(MPI_Comm comm, const MpiOptions& options) {
  return std::make_unique<MpiCommunicator>(comm, options, kNoLimit);
}

}  // namespace medsweep::runner
