#include "models/layers/batch_norm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "models/layers/synchronized_batch_norm.h"

namespace medsweep::models {
namespace {

constexpr std::array<std::pair<std::string_view, BatchStatistics>, 3> kStatisticsNames{{
    {"synchronized", BatchStatistics::kSynchronized},
    {"per_shard", BatchStatistics::kPerShard},
    {"frozen", BatchStatistics::kFrozen},
}};

torch::Tensor native_batch_norm(const torch::Tensor& input, const torch::Tensor& weight,
                                const torch::Tensor& bias, const torch::Tensor& mean,
                                const torch::Tensor& variance, bool from_batch, double momentum,
                                double eps) {
  return torch::batch_norm(input, weight, bias, mean, variance, from_batch, momentum, eps,
                           at::globalContext().userEnabledCuDNN());
}

thread_local int repetitions = 0;  // WithoutStatistics alive

void check_several_values(const torch::Tensor& input) {
  if (input.numel() == input.size(1))
    throw std::invalid_argument(
        fmt::format("[batch_norm] one value per channel ({}) to train on; a larger batch or larger "
                    "images are allowed",
                    fmt::join(input.sizes(), "x")));
}

}  // namespace

BatchStatistics batch_statistics_of(std::string_view name) {
  for (const auto& [known, statistics] : kStatisticsNames)
    if (known == name) return statistics;
  throw std::invalid_argument(
      fmt::format("[batch_statistics] '{}'; synchronized, per_shard, frozen are allowed", name));
}

BatchNorm2dImpl::BatchNorm2dImpl(const BatchNorm2dOptions& options) : options_(options) {
  if (options.channels < 1)
    throw std::invalid_argument(
        fmt::format("[batch_norm] {} channels; at least 1 is allowed", options.channels));
  weight_ = register_parameter("weight", torch::ones(options.channels));
  bias_ = register_parameter("bias", torch::zeros(options.channels));
  running_mean_ = register_buffer("running_mean", torch::zeros(options.channels));
  running_var_ = register_buffer("running_var", torch::ones(options.channels));
  num_batches_tracked_ =
      register_buffer("num_batches_tracked", torch::zeros({}, torch::dtype(torch::kLong)));
}

bool BatchNorm2dImpl::uses_running_statistics() const {
  return !is_training() || frozen_ || options_.statistics == BatchStatistics::kFrozen;
}

bool BatchNorm2dImpl::updates_per_shard() const {
  return options_.statistics == BatchStatistics::kPerShard && !frozen_;
}

torch::Tensor BatchNorm2dImpl::forward(const torch::Tensor& input) {
  return forward_rectified(input, {});
}

torch::Tensor BatchNorm2dImpl::forward_rectified(const torch::Tensor& input,
                                                 const Rectifier& behind) {
  if (!uses_running_statistics() && fuses_rectified(input)) return forward_fused(input, behind);
  torch::Tensor output = normalized(input);
  return !behind.slopes.defined() && behind.slope == 0 ? output.relu_() : rectified(output, behind);
}

torch::Tensor BatchNorm2dImpl::forward_fused(const torch::Tensor& input, const Rectifier& behind) {
  const bool joins = !updates_per_shard() && !is_alone();
  if (!joins) check_several_values(input);
  RectifiedNormalizationOptions options{
      .weight = weight_, .bias = bias_, .eps = options_.eps, .behind = behind};
  if (joins) options.group = group_;
  const RectifiedMaps maps = rectified_normalization(input, options);
  if (repetitions > 0) return maps.output;
  const torch::NoGradGuard no_grad;
  if (updates_per_shard()) {
    add_shard(maps.mean, maps.variance);
    return maps.output;
  }
  running_mean_.lerp_(maps.mean, options_.momentum);
  running_var_.lerp_(maps.variance, options_.momentum);
  num_batches_tracked_.add_(1);
  return maps.output;
}

// By torch's operators.
torch::Tensor BatchNorm2dImpl::normalized(const torch::Tensor& input) {
  // Depth and height are one axis to it.
  if (input.dim() == 5) return normalized(input.flatten(2, 3)).view_as(input);
  if (uses_running_statistics())
    return native_batch_norm(input, weight_, bias_, running_mean_, running_var_, false, 0,
                             options_.eps);
  if (updates_per_shard()) {
    check_several_values(input);
    // With momentum 1 the kernel leaves the shard's own mean and unbiased variance here.
    const torch::Tensor shard = torch::zeros({2, options_.channels}, running_mean_.options());
    torch::Tensor output =
        native_batch_norm(input, weight_, bias_, shard[0], shard[1], true, 1, options_.eps);
    if (input.size(0) > 0 && repetitions == 0) add_shard(shard[0], shard[1]);
    return output;
  }
  if (is_alone()) {
    check_several_values(input);
    if (repetitions > 0)
      return native_batch_norm(input, weight_, bias_, {}, {}, true, 0, options_.eps);
    if (input.size(0) > 0) num_batches_tracked_.add_(1);
    return native_batch_norm(input, weight_, bias_, running_mean_, running_var_, true,
                             options_.momentum, options_.eps);
  }
  const JoinedStatistics joined =
      synchronized_batch_norm(input, weight_, bias_, options_.eps, group_);
  if (repetitions > 0) return joined.output;
  const torch::NoGradGuard no_grad;
  running_mean_.lerp_(joined.mean, options_.momentum);
  running_var_.lerp_(joined.variance, options_.momentum);
  num_batches_tracked_.add_(1);
  return joined.output;
}

void BatchNorm2dImpl::add_shard(const torch::Tensor& mean, const torch::Tensor& variance) {
  const torch::Tensor shard = torch::stack({mean, variance});
  shard_sums_ = shards_ == 0 ? shard : shard_sums_ + shard;
  ++shards_;
}

void set_process_group(torch::nn::Module& module,
                       const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
  for (const auto& child : module.modules())
    if (auto* layer = child->as<BatchNorm2dImpl>()) layer->group_ = group;
}

void finish_step(torch::nn::Module& module, const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
  std::vector<BatchNorm2dImpl*> layers;
  std::vector<torch::Tensor> sums;
  for (const auto& child : module.modules()) {
    auto* layer = child->as<BatchNorm2dImpl>();
    if (layer == nullptr || !layer->updates_per_shard() || !layer->is_training()) continue;
    layers.push_back(layer);
    const auto options = layer->running_mean_.options().dtype(torch::kDouble);
    sums.push_back(torch::full({1}, static_cast<double>(layer->shards_), options));
    sums.push_back(layer->shards_ > 0 ? layer->shard_sums_.to(torch::kDouble).flatten()
                                      : torch::zeros(2 * layer->options_.channels, options));
  }
  if (layers.empty()) return;
  std::vector<torch::Tensor> joined{torch::cat(sums)};
  if (group != nullptr && group->getSize() > 1) group->allreduce(joined)->wait();
  std::int64_t position = 0;
  for (auto* layer : layers) {
    const std::int64_t channels = layer->options_.channels;
    const torch::Tensor count = joined[0][position];
    const torch::Tensor mean =
        (joined[0].narrow(0, position + 1, 2 * channels) / count).view({2, channels});
    position += 1 + 2 * channels;
    layer->shards_ = 0;
    if (count.item<double>() == 0) continue;
    layer->running_mean_.lerp_(mean[0].to(torch::kFloat), layer->options_.momentum);
    layer->running_var_.lerp_(mean[1].to(torch::kFloat), layer->options_.momentum);
    layer->num_batches_tracked_.add_(1);
  }
}

WithoutStatistics::WithoutStatistics() { ++repetitions; }
WithoutStatistics::~WithoutStatistics() { --repetitions; }

StatisticsGuard::StatisticsGuard(torch::nn::Module& module) {
  for (const torch::Tensor& buffer : module.buffers())
    buffers_.emplace_back(buffer, buffer.clone());
  for (const auto& child : module.modules(/*include_self=*/true))
    if (auto* layer = child->as<BatchNorm2dImpl>())
      layers_.push_back({layer, layer->shard_sums_, layer->shards_});
}

StatisticsGuard::~StatisticsGuard() {
  const torch::NoGradGuard no_grad;
  for (auto& [buffer, values] : buffers_) buffer.copy_(values);
  for (const auto& [layer, sums, shards] : layers_) {
    layer->shard_sums_ = sums;
    layer->shards_ = shards;
  }
}

}  // namespace medsweep::models
