#include "datasets/inspect_sample.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/digest.h"
#include "datasets/stored_array.h"

namespace medsweep::datasets {
namespace {

std::int64_t count_of(const torch::Tensor& mask) { return mask.sum().item<std::int64_t>(); }

void examine_labels(const RawSample& sample, SampleFacts& facts) {
  facts.has_labels = sample.labels.defined();
  if (!facts.has_labels) return;
  const torch::Tensor& labels = sample.labels;
  facts.pixels = facts.counted_pixels = labels.numel();
  const torch::Tensor counts = torch::bincount(labels.flatten(), {}, 256);
  for (std::size_t i = 0; i < facts.classes.size(); ++i)
    facts.classes[i].pixels = counts[static_cast<std::int64_t>(i) + 1].item<std::int64_t>();
  const torch::Tensor slices = labels.dim() == 3 ? labels : labels.unsqueeze(0);  // [D, H, W]
  facts.slices = slices.size(0);
  facts.empty_slices = facts.slices - count_of(slices.ne(0).flatten(1).any(1));
  const bool is_negative = sample.instances.defined() && sample.instances.boxes.size(0) == 0;
  if (facts.empty_slices == facts.slices && !is_negative)
    facts.suspicions.emplace_back("no label at all");
  if (!sample.field_of_view.defined()) return;
  const torch::Tensor inside = sample.field_of_view.ne(0);
  facts.counted_pixels = count_of(inside);
  if (labels.ne(0).logical_and(inside.logical_not()).any().item<bool>())
    facts.suspicions.emplace_back("labels outside the field of view");
}

void examine_instances(const RawSample& sample, SampleFacts& facts) {
  facts.has_instances = sample.instances.defined();
  if (!facts.has_instances) return;
  const torch::Tensor &boxes = sample.instances.boxes, &labels = sample.instances.labels;
  const torch::Tensor &ignore = sample.instances.ignore, &masks = sample.instances.masks;
  bool beyond = false, flat = false, unmasked = false;
  for (std::int64_t i = 0; i < boxes.size(0); ++i) {
    const auto side = [&](std::int64_t k) { return boxes[i][k].item<double>(); };
    const auto label = labels[i].item<std::int64_t>();
    if (label >= 1 && label <= std::ssize(facts.classes)) {
      ClassFacts& of_class = facts.classes[static_cast<std::size_t>(label) - 1];
      ++of_class.instances;
      of_class.crowds += ignore.defined() && ignore[i].item<int>() != 0 ? 1 : 0;
    }
    flat |= side(2) <= side(0) || side(3) <= side(1);
    beyond |= side(0) < 0 || side(1) < 0 || side(2) > static_cast<double>(sample.image.size(-1)) ||
              side(3) > static_cast<double>(sample.image.size(-2));
    unmasked |= masks.defined() && !masks[i].any().item<bool>();
  }
  if (flat) facts.suspicions.emplace_back("a box without area");
  if (beyond) facts.suspicions.emplace_back("a box beyond the image");
  if (unmasked) facts.suspicions.emplace_back("an object whose mask is empty");
}

/// `count` of 0 ... pixels - 1: all of them, or by steps of the golden ratio, which fall into step
/// with no row and no column.
torch::Tensor spread_places(std::int64_t pixels, std::int64_t count) {
  torch::Tensor places = torch::arange(count, torch::kInt64);
  if (count == pixels) return places;
  auto* place = places.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const double turns = static_cast<double>(i) * 0.6180339887498949;
    place[i] = static_cast<std::int64_t>((turns - std::floor(turns)) * static_cast<double>(pixels));
  }
  return places;
}

void examine_intensities(const torch::Tensor& image, std::int64_t most, SampleFacts& facts) {
  const torch::Tensor flat = image.contiguous().flatten(1);  // [C, pixels]
  const std::int64_t count = std::min(flat.size(1), most);
  const torch::Tensor values =
      flat.index_select(1, spread_places(flat.size(1), count)).to(torch::kFloat32).contiguous();
  for (std::int64_t channel = 0; channel < values.size(0); ++channel) {
    const auto* first = values[channel].const_data_ptr<float>();
    facts.intensities.emplace_back(first, first + count);
  }
}

}  // namespace

SampleFacts examine(const RawSample& sample, std::int64_t classes, std::int64_t intensities) {
  SampleFacts facts;
  facts.type = type_name(sample.image.scalar_type());
  facts.classes.resize(static_cast<std::size_t>(classes));
  for (const auto& [name, values] : named_arrays(sample)) facts.arrays.emplace_back(name);
  examine_labels(sample, facts);
  examine_instances(sample, facts);
  examine_intensities(sample.image, intensities, facts);
  const torch::Tensor pixels = sample.image.contiguous();
  const std::span<const std::uint8_t> bytes = element_bytes(pixels);
  facts.image_digest = Sha256().update(bytes.data(), bytes.size()).hex();
  if (sample.image.min().equal(sample.image.max()))
    facts.suspicions.emplace_back("image of one value");
  if (sample.id.spacing.empty())
    facts.suspicions.emplace_back("spacing unknown: no distances in mm");
  return facts;
}

}  // namespace medsweep::datasets
