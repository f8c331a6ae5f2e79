#include "models/layers/rectified_normalization.h"

#include <torch/autograd.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/layers/rectified_maps.h"
#include "models/layers/synchronized_batch_norm.h"

namespace medsweep::models {
namespace {

at::MemoryFormat channels_last_of(const torch::Tensor& maps) {
  return maps.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::ChannelsLast3d;
}

// A channel's value, once for each run.
std::vector<float> over_runs(const torch::Tensor& values, const PixelRuns& runs) {
  const torch::Tensor own = values.contiguous();
  const float* const first = own.const_data_ptr<float>();
  std::vector<float> repeated;
  for (std::int64_t run = 0; run < runs.samples; ++run)
    repeated.insert(repeated.end(), first, first + runs.channels);
  return repeated;
}

// The same of a rectifier's slopes; `trained`: those of a PReLU, empty where there is none.
std::vector<float> slopes_over_runs(const Rectifier& rectifier, const torch::Tensor& trained,
                                    const PixelRuns& runs) {
  if (trained.numel() > 0) return over_runs(trained, runs);
  return std::vector<float>(static_cast<std::size_t>(runs.samples * runs.channels),
                            static_cast<float>(rectifier.slope));
}

torch::Tensor floats(const std::vector<double>& values) {
  torch::Tensor result = torch::empty({std::ssize(values)});
  std::ranges::copy(values, result.mutable_data_ptr<float>());
  return result;
}

// [samples * channels] sums to [channels] of them.
torch::Tensor summed_over_runs(const std::vector<double>& sums, const PixelRuns& runs) {
  const auto channels = static_cast<std::size_t>(runs.channels);
  std::vector<double> totals(channels);
  for (std::size_t at = 0; at < sums.size(); ++at) totals[at % channels] += sums[at];
  return floats(totals);
}

template <typename Call>
auto with_values(const torch::Tensor& x, const Call& call) {
  if (x.scalar_type() == torch::kFloat) return call(x.const_data_ptr<float>());
  return call(static_cast<const std::uint16_t*>(x.const_data_ptr()));
}

template <typename T>
T* values_into(torch::Tensor& maps) {
  return static_cast<T*>(maps.mutable_data_ptr());
}

PixelRuns runs_of(const torch::Tensor& x, NormalizedOver over) {
  const std::int64_t channels = x.size(1), pixels = x.numel() / channels;
  const std::int64_t samples = over == NormalizedOver::kSample ? x.size(0) : 1;
  return {samples, pixels / samples, channels};
}

/// What the backward pass needs beside x.
struct NormalizedRuns : torch::CustomClassHolder {
  PixelRuns runs{};
  RectifiedTables tables;
  std::vector<float> inverses;  ///< 1 / standard deviation
  double count = 0;             ///< of values a channel and run, of all ranks
  c10::intrusive_ptr<c10d::ProcessGroup> group;
  bool trains_before = false, trains_behind = false;
};

class RectifiedNormalization : public torch::autograd::Function<RectifiedNormalization> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const torch::Tensor& x, const torch::Tensor& weight,
                                                const torch::Tensor& bias,
                                                const torch::Tensor& before,
                                                const torch::Tensor& behind,
                                                const RectifiedNormalizationOptions& options) {
    const auto kept = c10::make_intrusive<NormalizedRuns>();
    kept->runs = runs_of(x, options.over);
    kept->group = options.group;
    kept->trains_before = before.numel() > 0;
    kept->trains_behind = behind.numel() > 0;
    RectifiedTables& tables = kept->tables;
    tables.before = slopes_over_runs(options.before, before, kept->runs);
    tables.scale = over_runs(weight, kept->runs);
    tables.shift = over_runs(bias, kept->runs);
    tables.behind = slopes_over_runs(options.behind, behind, kept->runs);
    const ChannelSums moments = take_moments(x, *kept);
    std::vector<double> unbiased = moments.second;
    for (std::size_t at = 0; at < unbiased.size(); ++at) {
      const double inverse = 1 / std::sqrt(moments.second[at] + options.eps);
      kept->inverses.push_back(static_cast<float>(inverse));
      tables.mean.push_back(static_cast<float>(moments.first[at]));
      tables.scale[at] *= kept->inverses[at];
      unbiased[at] *= kept->count / (kept->count - 1);
    }
    torch::Tensor output = torch::empty_like(x);
    with_values(x, [&]<typename T>(const T* values) {
      rectified_forward(values, values_into<T>(output), kept->runs, tables);
    });
    context->save_for_backward({x});
    context->saved_data["kept"] = c10::IValue::make_capsule(kept);
    const torch::Tensor mean = floats(moments.first), variance = floats(unbiased);
    context->mark_non_differentiable({mean, variance});
    return {output, mean, variance};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::Tensor x = context->get_saved_variables().front();
    const auto kept =
        c10::static_intrusive_pointer_cast<NormalizedRuns>(context->saved_data["kept"].toCapsule());
    const torch::Tensor dy = gradients[0].to(x.scalar_type()).contiguous(channels_last_of(x));
    torch::Tensor dx = torch::empty_like(x);
    return with_values(x, [&]<typename T>(const T* values) -> torch::autograd::variable_list {
      const T* const incoming = static_cast<const T*>(dy.const_data_ptr());
      const PixelRuns& runs = kept->runs;
      ChannelSums sums = rectified_gradient_sums(values, incoming, runs, kept->tables);
      for (std::size_t at = 0; at < sums.second.size(); ++at)
        sums.second[at] *= static_cast<double>(kept->inverses[at]);
      const ChannelSums of_before = rectified_gradient(values, incoming, values_into<T>(dx), runs,
                                                       kept->tables, linear_of(sums, *kept));
      const auto slopes_gradient = [&](bool trained, const std::vector<double>& of_slopes) {
        return trained ? summed_over_runs(of_slopes, runs) : torch::Tensor();
      };
      return {dx,
              summed_over_runs(sums.second, runs),
              summed_over_runs(sums.first, runs),
              slopes_gradient(kept->trains_before, of_before.first),
              slopes_gradient(kept->trains_behind, sums.third),
              torch::Tensor()};
    });
  }

 private:
  /// Mean and biased variance of every channel of every run; sets `count`.
  static ChannelSums take_moments(const torch::Tensor& x, NormalizedRuns& kept) {
    ChannelSums moments = with_values(x, [&](const auto* values) {
      return rectified_moments(values, kept.runs, kept.tables.before);
    });
    kept.count = static_cast<double>(kept.runs.pixels);
    for (double& squares : moments.second) squares /= kept.count;
    if (kept.group == nullptr) return moments;
    const JoinedMoments joined =
        join_moments({kept.count, torch::tensor(moments.first, torch::kDouble),
                      torch::tensor(moments.second, torch::kDouble)},
                     kept.group);
    kept.count = joined.count;
    return {.first = doubles(joined.mean), .second = doubles(joined.variance)};
  }

  // dx = scale (g - mean(g) - d inverse mean(g d inverse)), with g what comes behind normalisation
  // and d the deviation from the mean; the means are those of all ranks.
  static ChannelSums linear_of(const ChannelSums& own, const NormalizedRuns& kept) {
    ChannelSums sums{.first = own.first, .second = own.second};
    if (kept.group != nullptr) {
      const torch::Tensor joined =
          sum_over_ranks(torch::stack({torch::tensor(own.first, torch::kDouble),
                                       torch::tensor(own.second, torch::kDouble)}),
                         kept.group);
      sums = {.first = doubles(joined[0]), .second = doubles(joined[1])};
    }
    ChannelSums linear{.first = sums.first, .second = sums.first};
    for (std::size_t at = 0; at < linear.first.size(); ++at) {
      const auto inverse = static_cast<double>(kept.inverses[at]),
                 scale = static_cast<double>(kept.tables.scale[at]);
      linear.first[at] = -scale * inverse * sums.second[at] / kept.count;
      linear.second[at] = -scale * sums.first[at] / kept.count;
    }
    return linear;
  }

  static std::vector<double> doubles(const torch::Tensor& values) {
    const torch::Tensor own = values.contiguous();
    const double* const first = own.const_data_ptr<double>();
    return {first, first + own.numel()};
  }
};

/// A PReLU alone, whose gradients torch computes value by value.
class ParametricRectifier : public torch::autograd::Function<ParametricRectifier> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& slopes) {
    const PixelRuns runs = runs_of(x, NormalizedOver::kBatch);
    RectifiedTables tables = identity_tables(runs);
    tables.behind = over_runs(slopes, runs);
    torch::Tensor output = torch::empty_like(x);
    with_values(x, [&]<typename T>(const T* values) {
      rectified_forward(values, values_into<T>(output), runs, tables);
    });
    context->save_for_backward({x, slopes});
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor& x = saved[0];
    const PixelRuns runs = runs_of(x, NormalizedOver::kBatch);
    RectifiedTables tables = identity_tables(runs);
    tables.before = over_runs(saved[1], runs);
    const ChannelSums none{.first = std::vector<double>(tables.before.size()),
                           .second = std::vector<double>(tables.before.size())};
    const torch::Tensor dy = gradients[0].to(x.scalar_type()).contiguous(channels_last_of(x));
    torch::Tensor dx = torch::empty_like(x);
    return with_values(x, [&]<typename T>(const T* values) -> torch::autograd::variable_list {
      const T* const incoming = static_cast<const T*>(dy.const_data_ptr());
      const ChannelSums of_slopes =
          rectified_gradient(values, incoming, values_into<T>(dx), runs, tables, none);
      return {dx, summed_over_runs(of_slopes.first, runs)};
    });
  }

 private:
  static RectifiedTables identity_tables(const PixelRuns& runs) {
    const std::vector<float> ones(static_cast<std::size_t>(runs.channels), 1.0F),
        zeros(ones.size());
    return {.before = ones, .mean = zeros, .scale = ones, .shift = zeros, .behind = ones};
  }
};

}  // namespace

bool fuses_rectified(const torch::Tensor& x) {
  const auto type = x.scalar_type();
  return x.is_cpu() && (type == torch::kFloat || type == torch::kBFloat16) &&
         (x.dim() == 4 || x.dim() == 5) && x.numel() > 0 && x.is_contiguous(channels_last_of(x));
}

RectifiedMaps rectified_normalization(const torch::Tensor& x,
                                      const RectifiedNormalizationOptions& options) {
  static const torch::Tensor none = torch::empty({0});
  const auto slopes = [](const Rectifier& rectifier) {
    return rectifier.slopes.defined() ? rectifier.slopes : none;
  };
  const auto outputs = RectifiedNormalization::apply(
      x, options.weight, options.bias, slopes(options.before), slopes(options.behind), options);
  return {outputs[0], outputs[1], outputs[2]};
}

torch::Tensor rectified(const torch::Tensor& x, const Rectifier& rectifier) {
  if (rectifier.slopes.defined() && fuses_rectified(x))
    return ParametricRectifier::apply(x, rectifier.slopes);
  if (rectifier.slopes.defined()) return torch::prelu(x, rectifier.slopes.to(x.scalar_type()));
  if (rectifier.slope == 1) return x;
  return rectifier.slope == 0 ? torch::relu(x) : torch::leaky_relu(x, rectifier.slope);
}

torch::Tensor rectified_instance_norm(const torch::Tensor& x,
                                      const RectifiedNormalizationOptions& options) {
  if (fuses_rectified(x)) {
    RectifiedNormalizationOptions fused = options;
    fused.over = NormalizedOver::kSample;
    return rectified_normalization(x, fused).output;
  }
  const torch::Tensor normalized =
      torch::instance_norm(rectified(x, options.before), options.weight, options.bias, {}, {}, true,
                           0, options.eps, at::globalContext().userEnabledCuDNN());
  return rectified(normalized, options.behind);
}

}  // namespace medsweep::models
