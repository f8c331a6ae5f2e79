#include "runner/ensemble/combine_labels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <stdexcept>

#include "runner/ensemble/regions.h"

namespace medsweep::runner {
namespace {

/// axes: of an image's maps; a volume's have one more.
void check_maps(const std::vector<torch::Tensor>& maps, std::int64_t axes, torch::ScalarType type) {
  if (maps.empty()) throw std::invalid_argument("[ensemble] no trials; at least one is allowed");
  const bool fits = maps[0].dim() == axes || maps[0].dim() == axes + 1;
  for (const torch::Tensor& map : maps)
    if (!fits || map.scalar_type() != type || map.sizes() != maps[0].sizes())
      throw std::invalid_argument(fmt::format(
          "[ensemble] {} [{}]; {} [{}] of {} or {} axes is allowed, as the first trial's",
          c10::toString(map.scalar_type()), fmt::join(map.sizes().vec(), ", "), c10::toString(type),
          fmt::join(maps[0].sizes().vec(), ", "), axes, axes + 1));
}

/// [classes, (D,) H, W] int64.
torch::Tensor count_votes(const std::vector<torch::Tensor>& maps, std::int64_t classes) {
  std::vector<torch::Tensor> votes;
  const torch::Tensor stacked = torch::stack(maps);
  if (const auto most = stacked.numel() > 0 ? stacked.max().item<std::int64_t>() : 0;
      most > classes)
    throw std::invalid_argument(
        fmt::format("[ensemble] a label {}; 0 to {} are allowed", most, classes));
  for (std::int64_t label = 1; label <= classes; ++label) votes.push_back(stacked.eq(label).sum(0));
  return torch::stack(votes);
}

/// The class with the most support where that is enough: [K, (D,) H, W] -> [(D,) H, W] uint8. The
/// lower label wins, so classes are compared one after the other.
torch::Tensor strongest_class(const torch::Tensor& support, double enough) {
  torch::Tensor best = torch::zeros_like(support[0]);
  torch::Tensor labels = torch::zeros(best.sizes(), torch::kUInt8);
  for (std::int64_t i = 0; i < support.size(0); ++i) {
    const torch::Tensor stronger = support[i].gt(best).logical_and(support[i].ge(enough));
    labels.masked_fill_(stronger, i + 1);
    best = torch::where(stronger, support[i], best);
  }
  return labels;
}

torch::Tensor cleaned(torch::Tensor labels, std::int64_t classes, const LabelEnsemble& ensemble) {
  if (ensemble.holes == Holes::kKeep && ensemble.parts <= 0) return labels;
  if (labels.dim() == 3)
    throw std::invalid_argument(
        "[ensemble] holes and parts of volumes; those of images are allowed");
  for (std::int64_t label = 1; label <= classes; ++label) {
    const torch::Tensor mask = labels.eq(label).to(torch::kUInt8);
    if (ensemble.holes == Holes::kFill)
      labels.masked_fill_(holes_filled(mask).ne(0).logical_and(labels.eq(0)), label);
    if (ensemble.parts <= 0) continue;
    const torch::Tensor whole = labels.eq(label).to(torch::kUInt8);
    const torch::Tensor kept = largest_parts(whole, ensemble.parts, Connectivity::kFour);
    labels.masked_fill_(whole.ne(kept), 0);
  }
  return labels;
}

}  // namespace

std::int64_t needed_votes(std::int64_t asked, std::size_t trials) {
  const auto count = static_cast<std::int64_t>(trials);
  if (asked < 0 || asked > count)
    throw std::invalid_argument(
        fmt::format("[ensemble] minimum_votes = {} of {} trials; 1 to {} are allowed, 0 for more "
                    "than half",
                    asked, count, count));
  return asked > 0 ? asked : count / 2 + 1;
}

torch::Tensor combine_labels(const std::vector<torch::Tensor>& maps, std::int64_t classes,
                             const LabelEnsemble& ensemble) {
  check_maps(maps, 2, torch::kUInt8);
  if (ensemble.method == EnsembleMethod::kMean)
    throw std::invalid_argument(
        "[ensemble] method 'mean' of label maps; vote and union are allowed, mean needs "
        "probabilities");
  if (classes < 1) throw std::invalid_argument("[ensemble] no classes; at least one is allowed");
  const std::int64_t needed = ensemble.method == EnsembleMethod::kVote
                                  ? needed_votes(ensemble.minimum_votes, maps.size())
                                  : 1;
  const torch::Tensor votes = count_votes(maps, classes);
  return cleaned(strongest_class(votes, static_cast<double>(needed)), classes, ensemble);
}

torch::Tensor mean_probabilities(const std::vector<torch::Tensor>& probabilities) {
  check_maps(probabilities, 3, torch::kFloat32);
  torch::Tensor sum = torch::zeros(probabilities[0].sizes(), torch::kFloat64);
  for (const torch::Tensor& one : probabilities) sum += one;
  return (sum / static_cast<double>(probabilities.size())).to(torch::kFloat32);
}

torch::Tensor combine_probabilities(const std::vector<torch::Tensor>& probabilities,
                                    const LabelEnsemble& ensemble) {
  const torch::Tensor mean = mean_probabilities(probabilities);
  return cleaned(strongest_class(mean, 0.5), mean.size(0), ensemble);
}

}  // namespace medsweep::runner
