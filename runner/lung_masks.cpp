#include "runner/lung_masks.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "runner/metrics/detection/label_map.h"

namespace medsweep::runner {
namespace {

torch::Tensor as_levels(const torch::Tensor& image) {
  if (image.scalar_type() == torch::kUInt8) return image.contiguous();
  const torch::Tensor values = image.to(torch::kFloat64);
  const double least = values.min().item<double>(), most = values.max().item<double>();
  const double scale = most > least ? 255 / (most - least) : 0;
  return ((values - least) * scale).to(torch::kUInt8).contiguous();
}

/// Level -> level, from how often each occurs.
std::array<std::uint8_t, 256> equalizing_table(const std::array<std::int64_t, 256>& counts) {
  std::array<std::uint8_t, 256> table{};
  std::int64_t all = 0, least = 0, sum = 0;
  for (const std::int64_t count : counts) {
    all += count;
    if (least == 0) least = count;  // the first level that occurs
  }
  if (all == least) return table;
  for (std::size_t level = 0; level < counts.size(); ++level) {
    sum += counts[level];
    if (sum > 0) table[level] = static_cast<std::uint8_t>((sum - least) * 255 / (all - least));
  }
  return table;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// [H, W] bool: whether the network says lung.
torch::Tensor lungs_in(const torch::Tensor& labels, const std::vector<std::string>& classes) {
  const auto is_lung = [](const std::string& name) {
    return lower(name).find("lung") != std::string::npos;
  };
  if (std::ranges::none_of(classes, is_lung)) return labels.ne(0);
  torch::Tensor inside = torch::zeros_like(labels, torch::kBool);
  for (std::size_t i = 0; i < classes.size(); ++i)
    if (is_lung(classes[i])) inside |= labels.eq(static_cast<std::int64_t>(i) + 1);
  return inside;
}

/// [H, W] uint8: the network's label map, or that of the objects that it found.
torch::Tensor label_map_by(const TrainedModel& model, const torch::Tensor& image) {
  const models::Prediction said = model.predict(image);
  if (!model.finds_objects()) return said.labels;
  return label_map_of(said.detections.begin()->second, {image.size(1), image.size(2)});
}

}  // namespace

torch::Tensor equalized(const torch::Tensor& image) {
  const torch::Tensor levels = as_levels(image);
  const auto* in = levels.const_data_ptr<std::uint8_t>();
  std::array<std::int64_t, 256> counts{};
  for (std::int64_t i = 0; i < levels.numel(); ++i) ++counts[in[i]];
  const auto table = equalizing_table(counts);
  torch::Tensor result = torch::empty_like(levels);
  auto* out = result.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < levels.numel(); ++i) out[i] = table[in[i]];
  return result;
}

LungModels::LungModels(const std::vector<std::string>& trials,
                       const std::vector<std::filesystem::path>& runs, LungInput input)
    : input_(input) {
  if (trials.empty()) throw std::invalid_argument("[lung models] none; at least one is allowed");
  for (const std::string& trial : trials)
    models_.push_back(std::make_unique<TrainedModel>(trained_trial(trial, runs)));
  for (const auto& model : models_)
    if (model->tasks().size() > 1)
      throw std::invalid_argument(
          fmt::format("[{}] a trial of several tasks; one of one task is allowed", model->name()));
}

torch::Tensor LungModels::vote(const torch::Tensor& image) const {
  const torch::Tensor shown = input_ == LungInput::kEqualized ? equalized(image) : image;
  torch::Tensor votes = torch::zeros({image.size(1), image.size(2)}, torch::kInt64);
  for (const auto& model : models_)
    votes += lungs_in(label_map_by(*model, shown), model->classes());
  return votes.mul(2).gt(static_cast<std::int64_t>(models_.size())).to(torch::kUInt8);
}

datasets::LungSplit LungModels::find(const torch::Tensor& image) const {
  return datasets::split_lungs(vote(image));
}

std::vector<std::filesystem::path> LungModels::files() const {
  std::vector<std::filesystem::path> files;
  for (const auto& model : models_) files.push_back(model->trial().weights);
  return files;
}

std::vector<std::string> LungModels::names() const {
  std::vector<std::string> names;
  for (const auto& model : models_)
    names.push_back(fmt::format("{} ({})", model->name(), model->trial().identity));
  return names;
}

}  // namespace medsweep::runner
