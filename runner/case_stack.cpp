#include "runner/case_stack.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>

namespace medsweep::runner {
namespace {

using datasets::EvaluationSample;
using datasets::SegmentationDataset;

const torch::Tensor& truth_of(const EvaluationSample& sample, const std::string& task) {
  return sample.truth.at(task).labels;
}

/// Slices of one case must lie on one grid.
void check_slice(const std::string& name, const EvaluationSample& first,
                 const EvaluationSample& other, const std::string& task) {
  const auto sizes = [&](const EvaluationSample& sample) { return truth_of(sample, task).sizes(); };
  const auto differ = [&](const char* what, const auto& one, const auto& two) {
    throw std::runtime_error(fmt::format(
        "[evaluation] case '{}': slice {} has {} [{}], slice {} has [{}]; one is allowed in a case",
        name, first.sample.id.slice, what, fmt::join(one, ", "), other.sample.id.slice,
        fmt::join(two, ", ")));
  };
  if (sizes(first) != sizes(other)) differ("pixels", sizes(first), sizes(other));
  if (first.sample.id.spacing != other.sample.id.spacing)
    differ("spacing", first.sample.id.spacing, other.sample.id.spacing);
}

/// Positions of the slices in the stack, from 0.
std::vector<std::int64_t> slice_positions(const std::string& name,
                                          const std::vector<EvaluationSample>& samples) {
  std::vector<std::int64_t> positions;
  for (const EvaluationSample& sample : samples) {
    positions.push_back(sample.sample.id.slice - samples.front().sample.id.slice);
    if (positions.size() > 1 && positions.back() == positions[positions.size() - 2])
      throw std::runtime_error(
          fmt::format("[evaluation] case '{}': two samples of slice {}; one is "
                      "allowed",
                      name, sample.sample.id.slice));
  }
  return positions;
}

/// A volume is a case by itself.
Case volume_case(const std::string& name, const EvaluationSample& sample,
                 const models::Prediction& prediction, const LabelTask& task) {
  const torch::Tensor& truth = truth_of(sample, task.name);
  Case whole;
  whole.name = name;
  whole.spacing = sample.sample.id.spacing;
  whole.classes = task.classes;
  whole.prediction = prediction.labels;
  whole.truth = truth.clamp_min(0).to(torch::kUInt8);
  whole.valid = truth != datasets::kIgnored;
  whole.probabilities = prediction.probabilities;
  return whole;
}

}  // namespace

void check_slices(const std::string& name, const std::vector<EvaluationSample>& samples,
                  const std::string& task) {
  for (const EvaluationSample& sample : samples) check_slice(name, samples.front(), sample, task);
}

Case stack_case(const std::string& name, const std::vector<EvaluationSample>& samples,
                const models::Predictions& predictions, const LabelTask& task) {
  const std::vector<std::int64_t> positions = slice_positions(name, samples);
  const torch::Tensor& first = truth_of(samples.front(), task.name);
  if (first.dim() == 3 && samples.size() == 1)
    return volume_case(name, samples.front(), predictions.front(), task);
  if (first.dim() == 3)
    throw std::runtime_error(
        fmt::format("[evaluation] case '{}': {} volumes; one is allowed", name, samples.size()));
  const std::vector<std::int64_t> shape{positions.back() + 1, first.size(0), first.size(1)};
  Case whole;
  whole.name = name;
  whole.spacing = samples.front().sample.id.spacing;
  whole.classes = task.classes;
  whole.prediction = torch::zeros(shape, torch::kUInt8);
  whole.truth = torch::zeros(shape, torch::kUInt8);
  whole.valid = torch::zeros(shape, torch::kBool);
  const bool probable = predictions.front().probabilities.defined();
  if (probable)
    whole.probabilities = torch::zeros({std::ssize(task.classes), shape[0], shape[1], shape[2]});
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const torch::Tensor& truth = truth_of(samples[i], task.name);
    whole.prediction[positions[i]].copy_(predictions[i].labels);
    whole.truth[positions[i]].copy_(truth.clamp_min(0));
    whole.valid[positions[i]].copy_(truth != datasets::kIgnored);
    if (probable) whole.probabilities.select(1, positions[i]).copy_(predictions[i].probabilities);
  }
  return whole;
}

std::vector<CaseSamples> cases_of(const SegmentationDataset& dataset) {
  std::vector<CaseSamples> cases;
  std::map<std::string, std::size_t> place;
  for (std::int64_t index = 0; index < dataset.size(); ++index) {
    const std::string& name = dataset.id(index).case_name;
    const auto [found, is_new] = place.emplace(name, cases.size());
    if (is_new) cases.push_back({name, {}});
    cases[found->second].indices.push_back(index);
  }
  for (CaseSamples& samples : cases)
    std::ranges::stable_sort(samples.indices, {},
                             [&](std::int64_t index) { return dataset.id(index).slice; });
  return cases;
}

std::vector<int> assign_cases(const std::vector<std::int64_t>& sizes, int ranks) {
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return sizes[i]; });
  std::vector<std::int64_t> load(static_cast<std::size_t>(ranks));
  std::vector<int> rank_of(sizes.size());
  for (const std::size_t i : order) {
    const auto least = std::ranges::min_element(load);
    *least += sizes[i];
    rank_of[i] = static_cast<int>(least - load.begin());
  }
  return rank_of;
}

std::vector<int> assign_cases(const std::vector<CaseSamples>& cases, int ranks) {
  std::vector<std::int64_t> sizes;
  for (const CaseSamples& samples : cases) sizes.push_back(std::ssize(samples.indices));
  return assign_cases(sizes, ranks);
}

}  // namespace medsweep::runner
