#include "models/mask_rcnn/sampling.h"

#include <torch/torch.h>

#include <algorithm>
#include <vector>

namespace medsweep::models {

torch::Tensor choose_at_random(const torch::Tensor& candidates, std::int64_t count,
                               RandomStream& stream) {
  const torch::Tensor source = candidates.contiguous();
  const std::int64_t* const begin = source.data_ptr<std::int64_t>();
  std::vector<std::int64_t> left(begin, begin + source.numel());
  // The first `count` steps of a Fisher-Yates shuffle.
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t other = i + stream.below(source.numel() - i);
    std::swap(left[static_cast<std::size_t>(i)], left[static_cast<std::size_t>(other)]);
  }
  left.resize(static_cast<std::size_t>(count));
  std::sort(left.begin(), left.end());
  return torch::tensor(left, torch::kLong);
}

torch::Tensor choose_first(const torch::Tensor& candidates, std::int64_t count, RandomStream&) {
  return candidates.narrow(0, 0, count);
}

torch::Tensor Sampled::all() const { return std::get<0>(torch::cat({positive, negative}).sort()); }

Sampled sample_balanced(const torch::Tensor& labels, const SamplingOptions& options,
                        const ChooseCandidates& choose, RandomStream& stream) {
  const torch::Tensor positive = torch::nonzero(labels > 0).squeeze(1);
  const torch::Tensor negative = torch::nonzero(labels == 0).squeeze(1);
  const double share = options.positive_share;
  const auto most = static_cast<std::int64_t>(static_cast<double>(options.per_image) * share);
  const std::int64_t positives = std::min(most, positive.size(0));
  std::int64_t negatives = options.per_image - positives;
  if (options.negatives == NegativeCount::kTiedToPositives)
    negatives = static_cast<std::int64_t>(1 / share * static_cast<double>(positives)) - positives;
  negatives = std::clamp<std::int64_t>(negatives, 0, negative.size(0));
  Sampled sampled;
  sampled.positive = choose(positive, positives, stream);
  sampled.negative = choose(negative, negatives, stream);
  return sampled;
}

}  // namespace medsweep::models
