#include "models/layers/rectified_normalization.h"

#include <torch/autograd.h>
#include <torch/torch.h>

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

std::vector<float> values_of(const torch::Tensor& values) {
  const float* const first = values.const_data_ptr<float>();
  return {first, first + values.numel()};
}

// [samples * channels] sums to [channels] of them.
torch::Tensor summed_over_runs(const std::vector<double>& sums, const PixelRuns& runs) {
  return torch::tensor(sums, torch::kDouble)
      .view({runs.samples, runs.channels})
      .sum(0)
      .to(torch::kFloat);
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

torch::Tensor slopes_of(const Rectifier& rectifier, std::int64_t channels) {
  return rectifier.slopes.defined() ? rectifier.slopes : torch::full({channels}, rectifier.slope);
}

PixelRuns runs_of(const torch::Tensor& x, NormalizedOver over) {
  const std::int64_t channels = x.size(1), pixels = x.numel() / channels;
  const std::int64_t samples = over == NormalizedOver::kSample ? x.size(0) : 1;
  return {samples, pixels / samples, channels};
}

class RectifiedNormalization : public torch::autograd::Function<RectifiedNormalization> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const torch::Tensor& x, const torch::Tensor& weight,
                                                const torch::Tensor& bias,
                                                const torch::Tensor& before,
                                                const torch::Tensor& behind,
                                                const RectifiedNormalizationOptions& options) {
    const PixelRuns runs = runs_of(x, options.over);
    RectifiedTables tables{.before = over_runs(before, runs),
                           .mean = {},
                           .scale = over_runs(weight, runs),
                           .shift = over_runs(bias, runs),
                           .behind = over_runs(behind, runs)};
    const JoinedMoments moments = moments_of_runs(x, runs, tables.before, options.group);
    const torch::Tensor mean = moments.mean.to(torch::kFloat);
    const torch::Tensor inverse = (moments.variance + options.eps).rsqrt().to(torch::kFloat);
    complete(tables, mean, inverse);
    torch::Tensor output = torch::empty_like(x);
    with_values(x, [&]<typename T>(const T* values) {
      rectified_forward(values, values_into<T>(output), runs, tables);
    });
    context->save_for_backward({x, weight, bias, before, behind, mean, inverse});
    context->saved_data["over"] = static_cast<std::int64_t>(options.over);
    context->saved_data["count"] = moments.count;
    if (options.group != nullptr) context->saved_data["group"] = options.group;
    const torch::Tensor variance =
        (moments.variance * (moments.count / (moments.count - 1))).to(torch::kFloat);
    context->mark_non_differentiable({mean, variance});
    return {output, mean, variance};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor& x = saved[0];
    const PixelRuns runs =
        runs_of(x, static_cast<NormalizedOver>(context->saved_data["over"].toInt()));
    RectifiedTables tables{.before = over_runs(saved[3], runs),
                           .mean = {},
                           .scale = over_runs(saved[1], runs),
                           .shift = over_runs(saved[2], runs),
                           .behind = over_runs(saved[4], runs)};
    complete(tables, saved[5], saved[6]);
    const torch::Tensor dy = gradients[0].to(x.scalar_type()).contiguous(channels_last_of(x));
    torch::Tensor dx = torch::empty_like(x);
    return with_values(x, [&]<typename T>(const T* values) -> torch::autograd::variable_list {
      const T* const incoming = static_cast<const T*>(dy.const_data_ptr());
      ChannelSums sums = rectified_gradient_sums(values, incoming, runs, tables);
      const std::vector<float> inverses = values_of(saved[6]);
      for (std::size_t at = 0; at < inverses.size(); ++at)
        sums.second[at] *= static_cast<double>(inverses[at]);
      const ChannelSums linear = linear_of(joined(sums, *context), tables.scale, inverses,
                                           context->saved_data["count"].toDouble());
      const ChannelSums of_before =
          rectified_gradient(values, incoming, values_into<T>(dx), runs, tables, linear);
      return {dx,
              summed_over_runs(sums.second, runs),
              summed_over_runs(sums.first, runs),
              summed_over_runs(of_before.first, runs),
              summed_over_runs(sums.third, runs),
              {}};
    });
  }

 private:
  static JoinedMoments moments_of_runs(const torch::Tensor& x, const PixelRuns& runs,
                                       const std::vector<float>& before,
                                       const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
    const ChannelSums own =
        with_values(x, [&](const auto* values) { return rectified_moments(values, runs, before); });
    const auto count = static_cast<double>(runs.pixels);
    const JoinedMoments moments{count, torch::tensor(own.first, torch::kDouble),
                                torch::tensor(own.second, torch::kDouble) / count};
    return group == nullptr ? moments : join_moments(moments, group);
  }

  static void complete(RectifiedTables& tables, const torch::Tensor& mean,
                       const torch::Tensor& inverse) {
    tables.mean = values_of(mean);
    const std::vector<float> inverses = values_of(inverse);
    for (std::size_t at = 0; at < inverses.size(); ++at) tables.scale[at] *= inverses[at];
  }

  // The first two sums, of all ranks.
  static ChannelSums joined(const ChannelSums& own, torch::autograd::AutogradContext& context) {
    const auto found = context.saved_data.find("group");
    if (found == context.saved_data.end()) return own;
    const torch::Tensor sums =
        sum_over_ranks(torch::stack({torch::tensor(own.first, torch::kDouble),
                                     torch::tensor(own.second, torch::kDouble)}),
                       found->second.toCustomClass<c10d::ProcessGroup>());
    const double* const first = sums.const_data_ptr<double>();
    const double* const second = first + own.first.size();
    return {.first = {first, second}, .second = {second, second + own.first.size()}};
  }

  // dx = scale (g - mean(g) - d inverse mean(g d inverse)), with g what comes behind normalisation
  // and d the deviation from the mean.
  static ChannelSums linear_of(const ChannelSums& sums, const std::vector<float>& scales,
                               const std::vector<float>& inverses, double count) {
    ChannelSums linear{.first = sums.first, .second = sums.first};
    for (std::size_t at = 0; at < inverses.size(); ++at) {
      const auto inverse = static_cast<double>(inverses[at]),
                 scale = static_cast<double>(scales[at]);
      linear.first[at] = -scale * inverse * sums.second[at] / count;
      linear.second[at] = -scale * sums.first[at] / count;
    }
    return linear;
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
  const std::int64_t channels = x.size(1);
  const auto outputs = RectifiedNormalization::apply(x, options.weight, options.bias,
                                                     slopes_of(options.before, channels),
                                                     slopes_of(options.behind, channels), options);
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
