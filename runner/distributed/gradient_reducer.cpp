#include "runner/distributed/gradient_reducer.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <torch/csrc/distributed/c10d/reducer.hpp>

namespace medsweep::runner {
namespace {

using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

/// Sums a bucket over the ranks. With a hook of one's own the reducer does not divide.
class SumHook final : public c10d::CppCommHookInterface<Group> {
 public:
  explicit SumHook(const Group& group) : CppCommHookInterface<Group>(group) {}
  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
    std::vector<at::Tensor> tensors{bucket.getBufferRef()};
    return state_->allreduce(tensors)->getFuture();
  }
};

/// A reducer that counts as rebuilt from the start: it neither rebuilds its buckets nor keeps the
/// list from which it would.
class FixedReducer final : public c10d::Reducer {
 public:
  FixedReducer(const std::vector<at::Tensor>& parameters,
               std::vector<std::vector<std::size_t>> buckets, const Group& group,
               std::unordered_map<std::size_t, std::string> names,
               const GradientReducerOptions& options)
      : c10d::Reducer(parameters, std::move(buckets), group,
                      std::vector<bool>(parameters.size(), false), options.bucket_bytes,
                      /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/true,
                      std::move(names), options.first_bucket_bytes,
                      /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
                      /*bucket_bytes_cap_list=*/{}) {
    has_rebuilt_bucket_ = true;
  }
  bool finished() const { return !require_finalize_ && !expect_autograd_hooks_; }
};

bool is_channels_last(const at::Tensor& tensor) {
  const auto format =
      tensor.dim() == 5 ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::ChannelsLast;
  return (tensor.dim() == 4 || tensor.dim() == 5) && tensor.is_contiguous(format);
}

/// The strides of a 1x1 kernel are ambiguous; in a channels-last network its gradient comes with
/// channels-last ones, and the reducer wants both to agree.
void settle_kernel_strides(const std::vector<at::Tensor>& parameters) {
  const auto decided = [](const at::Tensor& p) {
    return is_channels_last(p) && !p.is_contiguous();
  };
  if (std::none_of(parameters.begin(), parameters.end(), decided)) return;
  for (at::Tensor parameter : parameters) {
    if (!is_channels_last(parameter) || !parameter.is_contiguous()) continue;
    const auto format =
        parameter.dim() == 5 ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::ChannelsLast;
    const at::Tensor settled = at::empty_like(parameter, parameter.options(), format);
    parameter.set_data(parameter.detach().as_strided(parameter.sizes(), settled.strides()));
  }
}

std::vector<std::vector<std::size_t>> assign_buckets(const std::vector<at::Tensor>& parameters,
                                                     const GradientReducerOptions& options) {
  // Gradients arrive from the last parameter to the first.
  std::vector<at::Tensor> reversed(parameters.rbegin(), parameters.rend());
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(
      reversed, {std::size_t(options.first_bucket_bytes), std::size_t(options.bucket_bytes)});
  for (auto& bucket : buckets)
    for (auto& index : bucket) index = parameters.size() - 1 - index;
  return buckets;
}

}  // namespace

struct GradientReducer::State {
  std::vector<at::Tensor> parameters;
  std::vector<std::string> names;
  std::unique_ptr<FixedReducer> reducer;
};

GradientReducer::GradientReducer(torch::nn::Module& module, Group process_group,
                                 const GradientReducerOptions& options) {
  if (!process_group || process_group->getSize() == 1) return;
  state_ = std::make_unique<State>();
  std::unordered_map<std::size_t, std::string> names;
  for (const auto& parameter : module.named_parameters()) {
    if (!parameter.value().requires_grad()) continue;
    names[state_->parameters.size()] = parameter.key();
    state_->parameters.push_back(parameter.value());
    state_->names.push_back(parameter.key());
  }
  if (state_->parameters.empty())
    throw std::invalid_argument("[gradient_reducer] no parameter requires a gradient; at least 1");
  settle_kernel_strides(state_->parameters);
  c10d::verify_params_across_processes(process_group, state_->parameters, std::nullopt);
  broadcast_module(module, process_group);
  state_->reducer = std::make_unique<FixedReducer>(state_->parameters,
                                                   assign_buckets(state_->parameters, options),
                                                   process_group, std::move(names), options);
  state_->reducer->register_comm_hook(std::make_unique<SumHook>(process_group));
}

GradientReducer::~GradientReducer() = default;

void GradientReducer::prepare(const torch::Tensor& loss) {
  if (state_) state_->reducer->prepare_for_backward({loss});
}

void GradientReducer::finish() {
  if (!state_ || state_->reducer->finished()) return;
  std::string missing;
  for (std::size_t i = 0; i < state_->parameters.size(); ++i)
    if (!state_->parameters[i].grad().defined()) missing += " " + state_->names[i];
  throw std::runtime_error(
      fmt::format("[gradient_reducer] the backward pass ended before all gradients were reduced; "
                  "without one:{}",
                  missing.empty() ? " (none; no backward pass after prepare)" : missing));
}

void broadcast_module(const torch::nn::Module& module, const Group& process_group) {
  if (!process_group) return;
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> tensors = module.parameters();
  for (const auto& buffer : module.buffers())
    if (buffer.defined()) tensors.push_back(buffer);
  for (auto& tensor : tensors) {
    std::vector<at::Tensor> one{tensor.detach()};
    process_group->broadcast(one)->wait();
  }
}

}  // namespace medsweep::runner
