#include "runner/checkpoint_writer.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <omp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/files.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

constexpr int kWriterNiceness = 10;

/// On the host, laid out as `source`: copying is then one pass over memory.
torch::Tensor buffer_like(const torch::Tensor& source) {
  return torch::empty_like(source, source.options().device(torch::kCPU).requires_grad(false));
}

bool fits(const torch::Tensor& buffer, const torch::Tensor& source) {
  return buffer.sizes() == source.sizes() && buffer.strides() == source.strides() &&
         buffer.scalar_type() == source.scalar_type();
}

/// The background thread takes one core, whatever the training's threads.
void use_one_thread() {
  at::get_num_threads();  // torch sets a thread's number at its first use
  omp_set_num_threads(1);
}

/// Linux: niceness is a thread's. A courtesy to the training; without it nothing breaks.
void lower_priority() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kWriterNiceness); }

void rename_durably(const fs::path& from, const fs::path& to) {
  sync_path(from);
  const fs::path replaced = to.string() + ".old.tmp";  // of the same step: damaged, or as good
  const bool exists = fs::exists(to);
  if (exists) fs::rename(to, replaced);
  check_errno(std::rename(from.c_str(), to.c_str()), to.string(), "rename failed");
  sync_path(to.parent_path());
  if (exists) fs::remove_all(replaced);
}

}  // namespace

CheckpointWriter::CheckpointWriter(fs::path folder, const CheckpointOptions& options)
    : folder_(std::move(folder)), options_(options) {
  if (options.keep < 1)
    throw std::invalid_argument(
        fmt::format("[checkpoints] keep {}; at least 1 is allowed", options.keep));
  fs::create_directories(folder_);
  std::vector<fs::path> unfinished;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.ends_with(".tmp")) unfinished.push_back(entry.path());
  }
  for (const auto& path : unfinished) fs::remove_all(path);
}

std::vector<CheckpointWriter::Pair> CheckpointWriter::pair_up(const Tensors& sources,
                                                              Tensors& copies) const {
  std::erase_if(copies, [&](const auto& copy) { return !sources.contains(copy.first); });
  std::vector<Pair> pairs;
  for (const auto& [name, source] : sources) {
    torch::Tensor& copy = copies[name];
    if (!copy.defined() || !fits(copy, source)) copy = buffer_like(source);
    pairs.push_back({source, copy});
  }
  return pairs;
}

void CheckpointWriter::save(const TrainingState& state, const Tensors& model,
                            const Tensors& optimizer) {
  finish();
  const at::NoGradGuard no_grad;
  std::vector<Pair> later;
  for (auto& pair : pair_up(model, model_)) {
    if (pair.source.requires_grad())
      later.push_back({pair.source.detach(), pair.copy});
    else
      pair.copy.copy_(pair.source);
  }
  for (auto& pair : pair_up(optimizer, optimizer_)) later.push_back(std::move(pair));

  std::promise<void> copied;
  snapshot_ = copied.get_future();
  write_ = std::async(std::launch::async, [this, state, later = std::move(later),
                                           copied = std::move(copied)]() mutable {
    const at::NoGradGuard no_grad_here;
    use_one_thread();
    for (auto& pair : later) pair.copy.copy_(pair.source);
    later.clear();
    copied.set_value();
    lower_priority();
    write(state);
  });
}

void CheckpointWriter::wait_for_snapshot() {
  // Should the copy fail, the promise breaks, the wait ends, and finish() tells.
  if (snapshot_.valid()) snapshot_.wait();
}

bool CheckpointWriter::busy() const {
  return write_.valid() && write_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

void CheckpointWriter::finish() {
  if (write_.valid()) write_.get();
}

void CheckpointWriter::write(const TrainingState& state) const {
  const fs::path path = folder_ / checkpoint_name(state.step);
  const fs::path unfinished = path.string() + ".tmp";
  try {
    fs::remove_all(unfinished);
    fs::create_directory(unfinished);
    const TensorMetadata metadata{{"format", "pt"}, {"identity", state.identity}};
    std::map<std::string, std::string> digests;
    digests[kModelFile] = write_safetensors(unfinished / kModelFile, model_, metadata);
    digests[kOptimizerFile] = write_safetensors(unfinished / kOptimizerFile, optimizer_, metadata);
    write_file_atomically(unfinished / kStateFile, write_state(state, digests));
    rename_durably(unfinished, path);
  } catch (...) {
    std::error_code ignored;  // the first error is the one to report
    fs::remove_all(unfinished, ignored);
    throw;
  }
  remove_old(state);
}

void CheckpointWriter::remove_old(const TrainingState& state) const {
  const std::vector<std::int64_t> steps = checkpoint_steps(folder_);
  const auto past = std::ranges::upper_bound(steps, state.step);
  const std::int64_t newest_first = std::max<std::int64_t>(past - steps.begin() - options_.keep, 0);
  for (std::int64_t i = 0; i < std::ssize(steps); ++i) {
    const std::int64_t step = steps[static_cast<std::size_t>(i)];
    const bool best = state.best && state.best->step == step;
    // Newer ones than the one just written were damaged, and passed over when the run went on.
    const bool kept = step <= state.step && (best || i >= newest_first);
    if (!kept) fs::remove_all(folder_ / checkpoint_name(step));
  }
}

}  // namespace medsweep::runner
