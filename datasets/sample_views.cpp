#include "datasets/sample_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "datasets/class_names.h"

namespace medsweep::datasets {
namespace {

// Along D, H, W; unknown ones count as equal.
std::array<double, 3> spacing_of(const SampleId& id) {
  std::array<double, 3> spacing{1, 1, 1};
  if (id.spacing.size() == spacing.size()) std::ranges::copy(id.spacing, spacing.begin());
  return spacing;
}

}  // namespace

SampleViews::SampleViews(std::shared_ptr<const DataPool> pool, SampleOptions options,
                         const std::vector<std::string>& classes)
    : pool_(std::move(pool)), options_(std::move(options)) {
  check_normalization(options_.normalization);
  for (const PoolMember& member : pool_->members()) {
    ObjectCodes codes{};
    for (std::size_t i = 0; i < classes.size(); ++i)
      codes[stored_label(member, classes[i])] = static_cast<std::int16_t>(i + 1);
    member_codes_.push_back(codes);
  }
}

const ObjectCodes& SampleViews::table(std::int64_t pool_index) const {
  return member_codes_[pool_->member_of(pool_index)];
}

RandomStream SampleViews::patch_stream(std::int64_t pool_index, std::uint64_t epoch,
                                       const Draw& draw) const {
  return RandomStream({options_.seed, static_cast<std::uint64_t>(RandomUse::kPatch), epoch,
                       static_cast<std::uint64_t>(pool_index),
                       static_cast<std::uint64_t>(draw.number)});
}

torch::Tensor SampleViews::codes(const RawSample& raw, std::int64_t pool_index) const {
  if (!raw.labels.defined() && options_.objects != ObjectSource::kNone)
    return torch::zeros(raw.image.sizes().slice(1), torch::kInt16);
  if (!raw.labels.defined())
    throw std::invalid_argument("it has no labels; samples with labels are needed here");
  const ObjectCodes& table = this->table(pool_index);
  const torch::Tensor stored = raw.labels.contiguous();
  const torch::Tensor view = raw.field_of_view.defined() ? raw.field_of_view.contiguous() : stored;
  torch::Tensor codes = torch::empty(stored.sizes(), torch::kInt16);
  const auto* labels = stored.const_data_ptr<std::uint8_t>();
  const auto* inside = raw.field_of_view.defined() ? view.const_data_ptr<std::uint8_t>() : nullptr;
  auto* out = codes.mutable_data_ptr<std::int16_t>();
  for (std::int64_t i = 0; i < stored.numel(); ++i)
    out[i] = inside != nullptr && inside[i] == 0 ? static_cast<std::int16_t>(kIgnored)
                                                 : table[labels[i]];
  return codes;
}

View SampleViews::whole(const RawSample& raw, std::int64_t pool_index, const Placement& placement,
                        const torch::Tensor& image) const {
  const torch::Tensor stored = apply_color_mode(options_.color_mode, raw.image);
  const auto scales = channel_scales(options_.normalization, stored, raw.field_of_view);
  return {.image = resize_image(scaled_image(stored, scales, image), placement),
          .labels = resize_labels(codes(raw, pool_index), placement),
          .spacing = spacing_of(raw.id)};
}

View SampleViews::patch(const RawSample& raw, std::int64_t pool_index, std::uint64_t epoch,
                        const Draw& draw) const {
  RandomStream stream = patch_stream(pool_index, epoch, draw);
  const Extent own{raw.image.size(1), raw.image.size(2)};
  const auto context = [this](const Window& window) {
    const Augmentation& change = options_.augmentation;
    return with_context(window, change.degrees, change.stretch, change.pixels);
  };
  constexpr auto kFill = static_cast<double>(kIgnored);
  if (options_.resize != ResizeMode::kNone) {
    const View all = whole(raw, pool_index, place(options_.resize, own, options_.size));
    const Window window = context(draw_window(all.labels, options_.patch, stream));
    return {cut(all.image, window, 0), cut(all.labels, window, kFill)};
  }
  const torch::Tensor labels = codes(raw, pool_index);
  const Window window = context(draw_window(labels, options_.patch, stream));
  const torch::Tensor stored = apply_color_mode(options_.color_mode, raw.image);
  const auto scales = channel_scales(options_.normalization, stored, raw.field_of_view);
  const Window inside = intersection(window, own);
  const Window shifted{window.top - inside.top, window.left - inside.left, window.extent};
  return {cut(scaled_image(cut(stored, inside, 0), scales), shifted, 0),
          cut(labels, window, kFill)};
}

// The scales of the whole volume, which is read for them once.
std::vector<ChannelScale> SampleViews::volume_scales(std::int64_t pool_index,
                                                     const torch::Tensor& part) const {
  if (!normalization_reads_values(options_.normalization))
    return channel_scales(options_.normalization, part, {});
  {
    const std::scoped_lock lock(scales_mutex_);
    if (const auto found = scales_.find(pool_index); found != scales_.end()) return found->second;
  }
  const RawSample whole = pool_->read(pool_index);
  const auto scales =
      channel_scales(options_.normalization, apply_color_mode(options_.color_mode, whole.image),
                     whole.field_of_view);
  const std::scoped_lock lock(scales_mutex_);
  return scales_.emplace(pool_index, scales).first->second;
}

View SampleViews::volume_patch(std::int64_t pool_index, std::uint64_t epoch,
                               const Draw& draw) const {
  RandomStream stream = patch_stream(pool_index, epoch, draw);
  const Extent& own = pool_->sizes()[static_cast<std::size_t>(pool_index)];
  const auto spacing = spacing_of(pool_->samples()[static_cast<std::size_t>(pool_index)]);
  const torch::Tensor labels =
      codes(pool_->read_box(pool_index, {{}, own}, {.image = false}), pool_index);
  const Box box =
      with_context(draw_box(labels, options_.patch, stream), options_.augmentation, spacing);
  const Box inside = intersection(box, own);
  const RawSample part =
      pool_->read_box(pool_index, inside, {.labels = false, .field_of_view = false});
  const torch::Tensor stored = apply_color_mode(options_.color_mode, part.image);
  Box shifted = box;
  for (std::size_t axis = 0; axis < 3; ++axis) shifted.first[axis] -= inside.first[axis];
  return {.image =
              cut(scaled_image(stored, volume_scales(pool_index, stored)), shifted, 0).contiguous(),
          .labels = cut(labels, box, static_cast<double>(kIgnored)).contiguous(),
          .spacing = spacing};
}

}  // namespace medsweep::datasets
