#include "models/layers/synchronized_batch_norm.h"

#include <fmt/format.h>
#include <torch/autograd.h>

#include <stdexcept>
#include <vector>

#include "models/layers/channel_affine.h"

namespace medsweep::models {
namespace {

using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

// [2, C] float32: mean and biased variance of this rank's values; zeros when it has none.
torch::Tensor local_moments(const torch::Tensor& input) {
  const auto options = input.options().dtype(torch::kFloat).memory_format(std::nullopt);
  torch::Tensor unused = torch::zeros({2, input.size(1)}, options);
  if (input.numel() == 0) return unused;
  const auto [mean, variance] = at::batch_norm_update_stats(input, unused[0], unused[1], 0);
  return torch::stack({mean, variance});
}

JoinedMoments joined_moments(const torch::Tensor& input, const Group& group) {
  const torch::Tensor local = local_moments(input).to(torch::kDouble);
  const std::int64_t count = input.numel() / input.size(1);
  return join_moments({static_cast<double>(count), local[0], local[1]}, group);
}

class SynchronizedBatchNorm : public torch::autograd::Function<SynchronizedBatchNorm> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const torch::Tensor& input,
                                                const torch::Tensor& weight,
                                                const torch::Tensor& bias, double eps,
                                                const Group& group) {
    const JoinedMoments moments = joined_moments(input, group);
    const torch::Tensor mean = moments.mean.to(torch::kFloat);
    const torch::Tensor variance = moments.variance.to(torch::kFloat);
    const torch::Tensor output = input.numel() == 0
                                     ? torch::empty_like(input)
                                     : std::get<0>(at::native_batch_norm(input, weight, bias, mean,
                                                                         variance, false, 0, eps));
    context->save_for_backward({input, weight, mean, variance});
    context->saved_data["eps"] = eps;
    context->saved_data["count"] = moments.count;
    context->saved_data["group"] = group;
    const torch::Tensor unbiased =
        (moments.variance * (moments.count / (moments.count - 1))).to(torch::kFloat);
    context->mark_non_differentiable({mean, unbiased});
    return {output, mean, unbiased};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &input = saved[0], &weight = saved[1], &mean = saved[2],
                        &variance = saved[3];
    const double eps = context->saved_data["eps"].toDouble();
    const double count = context->saved_data["count"].toDouble();
    const auto group = context->saved_data["group"].toCustomClass<c10d::ProcessGroup>();
    torch::Tensor of_weight = torch::zeros_like(weight), of_bias = torch::zeros_like(weight);
    if (input.numel() > 0)
      std::tie(std::ignore, of_weight, of_bias) = at::native_batch_norm_backward(
          gradients[0], input, weight, mean, variance, {}, {}, false, eps, {false, true, true});
    const torch::Tensor joined =
        sum_over_ranks(torch::stack({of_bias, of_weight}).to(torch::kDouble), group);
    // dx = dy a + x b + c, with a, b, c per channel.
    const torch::Tensor inverse = (variance.to(torch::kDouble) + eps).rsqrt();
    const torch::Tensor a = weight.to(torch::kDouble) * inverse;
    const torch::Tensor b = -a * inverse * joined[1] / count;
    const torch::Tensor c = -a * joined[0] / count - b * mean.to(torch::kDouble);
    const torch::Tensor of_input = channel_affine(gradients[0], a.to(torch::kFloat), input,
                                                  b.to(torch::kFloat), c.to(torch::kFloat));
    return {of_input, of_weight, of_bias, {}, {}};
  }
};

}  // namespace

torch::Tensor sum_over_ranks(const torch::Tensor& values,
                             const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
  std::vector<torch::Tensor> tensors{values};
  group->allreduce(tensors)->wait();
  return tensors[0];
}

// Sums of n, n mean and n (variance + mean^2) in float64, so that the difference below loses
// nothing that float32 held.
JoinedMoments join_moments(const JoinedMoments& own,
                           const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
  const torch::Tensor sums =
      torch::cat({torch::full({1}, own.count, own.mean.options()), own.mean * own.count,
                  (own.variance + own.mean.square()) * own.count});
  const torch::Tensor joined = sum_over_ranks(sums, group);
  const double total = joined[0].item<double>();
  if (total < 2)
    throw std::invalid_argument(
        fmt::format("[batch_norm] {} values per channel over {} ranks to train on; a larger batch "
                    "or larger images are allowed",
                    total, group->getSize()));
  const std::int64_t channels = own.mean.size(0);
  const torch::Tensor mean = joined.narrow(0, 1, channels) / total;
  const torch::Tensor square = joined.narrow(0, 1 + channels, channels) / total;
  return {total, mean, (square - mean.square()).clamp_min(0)};
}

JoinedStatistics synchronized_batch_norm(const torch::Tensor& input, const torch::Tensor& weight,
                                         const torch::Tensor& bias, double eps,
                                         const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
  const auto outputs = SynchronizedBatchNorm::apply(input, weight, bias, eps, group);
  return {outputs[0], outputs[1], outputs[2]};
}

}  // namespace medsweep::models
