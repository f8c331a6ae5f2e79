#include "datasets/segmentation_dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "base/catalog.h"
#include "datasets/color_mode.h"
#include "datasets/mini_masks.h"

namespace medsweep::datasets {
namespace {

using Tasks = std::map<std::string, std::vector<std::string>>;

Tasks named_tasks(const SampleOptions& options, const std::vector<std::string>& file_classes) {
  if (options.tasks.empty())
    return {{kSegmentation, options.classes.empty() ? file_classes : options.classes}};
  Tasks tasks;
  for (const auto& classes : options.tasks)
    if (!tasks.emplace(fmt::format("{}", fmt::join(classes, "+")), classes).second)
      throw std::invalid_argument(fmt::format("[tasks] two tasks of {}; different tasks are needed",
                                              fmt::join(classes, "+")));
  return tasks;
}

void check_distinct(const std::string& task, std::vector<std::string> classes) {
  if (classes.empty())
    throw std::invalid_argument(
        fmt::format("[classes] task '{}' has no classes; at least one is needed", task));
  std::ranges::sort(classes);
  if (const auto twice = std::ranges::adjacent_find(classes); twice != classes.end())
    throw std::invalid_argument(
        fmt::format("[classes] '{}' stands twice; once is allowed", *twice));
}

// Where `name` stands among the member's classes, as its stored label.
std::size_t stored_label(const PoolMember& member, const std::string& name) {
  const auto found = std::ranges::find(member.classes, name);
  if (found != member.classes.end())
    return static_cast<std::size_t>(found - member.classes.begin()) + 1;
  const std::vector<std::string_view> known(member.classes.begin(), member.classes.end());
  const std::string where = fmt::format("classes of '{}'", member.name);
  if (known.empty())
    throw std::invalid_argument(fmt::format("[{}] no classes; '{}' was asked", where, name));
  throw std::invalid_argument(unknown_name(where, name, known));
}

// The inner window of a view that was cut with context.
void cut_middle(View& view, const Extent& extent) {
  const Window middle{(view.labels.size(0) - extent.height) / 2,
                      (view.labels.size(1) - extent.width) / 2, extent};
  view = {cut(view.image, middle, 0).contiguous(),
          cut(view.labels, middle, static_cast<double>(kIgnored)).contiguous()};
}

std::string with_sample(const SampleId& id, const char* what) {
  return std::string_view(what).find(id.name) != std::string_view::npos
             ? what
             : fmt::format("[sample '{}'] {}", id.name, what);
}

}  // namespace

SegmentationDataset::SegmentationDataset(std::shared_ptr<const DataPool> pool,
                                         std::vector<std::int64_t> indices, SampleOptions options,
                                         SampleMode mode)
    : pool_(std::move(pool)),
      indices_(std::move(indices)),
      options_(std::move(options)),
      mode_(mode),
      channels_(color_mode_channels(options_.color_mode, pool_->channels())),
      tasks_(named_tasks(options_, pool_->members().front().classes)) {
  check_normalization(options_.normalization);
  check(options_.patch);
  if (options_.objects != ObjectSource::kNone && options_.patch.enabled())
    throw std::invalid_argument(
        "[patch] of a network that finds objects; whole images are allowed");
  for (std::int64_t index = 0; index < size(); ++index) extent(index);
  for (const auto& [task, classes] : tasks_) {
    check_distinct(task, classes);
    for (const std::string& name : classes)
      if (std::ranges::find(all_classes_, name) == all_classes_.end()) all_classes_.push_back(name);
  }
  for (const PoolMember& member : pool_->members()) {
    Codes codes{};
    for (std::size_t i = 0; i < all_classes_.size(); ++i)
      codes[stored_label(member, all_classes_[i])] = static_cast<std::int16_t>(i + 1);
    member_codes_.push_back(codes);
  }
  for (const auto& [task, classes] : tasks_) {
    auto& labels = task_labels_[task] = {kIgnored, 0};
    for (const std::string& name : all_classes_) {
      const auto found = std::ranges::find(classes, name);
      labels.push_back(found == classes.end() ? 0 : found - classes.begin() + 1);
    }
  }
}

std::int64_t SegmentationDataset::pool_index(std::int64_t index) const {
  if (index < 0 || index >= size())
    throw std::out_of_range(
        fmt::format("[dataset] sample {}; 0 to {} are known", index, size() - 1));
  return indices_[static_cast<std::size_t>(index)];
}

const SampleId& SegmentationDataset::id(std::int64_t index) const {
  return pool_->samples()[static_cast<std::size_t>(pool_index(index))];
}

Extent SegmentationDataset::extent(std::int64_t index) const {
  if (mode_ == SampleMode::kTrain && options_.patch.enabled()) return options_.patch.extent;
  const Extent& own = pool_->sizes()[static_cast<std::size_t>(pool_index(index))];
  return place(options_.resize, own, options_.size).target;
}

torch::Tensor SegmentationDataset::codes(const RawSample& raw, std::int64_t pool_index) const {
  if (!raw.labels.defined() && options_.objects != ObjectSource::kNone)
    return torch::zeros(raw.image.sizes().slice(1), torch::kInt16);
  if (!raw.labels.defined())
    throw std::invalid_argument("it has no labels; samples with labels are needed here");
  const Codes& table = member_codes_[pool_->member_of(pool_index)];
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

Targets SegmentationDataset::targets(const torch::Tensor& codes) const {
  const torch::Tensor dense = codes.contiguous();
  const auto* in = dense.const_data_ptr<std::int16_t>();
  Targets targets;
  for (const auto& [task, labels] : task_labels_) {
    torch::Tensor map = torch::empty(dense.sizes(), torch::kInt64);
    auto* out = map.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < dense.numel(); ++i)
      out[i] = labels[static_cast<std::size_t>(in[i] + 1)];
    targets[task] = {map};
  }
  return targets;
}

Targets SegmentationDataset::targets(const Instances& objects) const {
  Targets targets;
  for (const auto& [task, labels] : task_labels_)
    targets[task].instances = of_task(objects, {labels.begin() + 1, labels.end()});
  return targets;
}

Instances SegmentationDataset::objects(const RawSample& raw, std::int64_t pool_index,
                                       const Placement& placement) const {
  const Codes& table = member_codes_[pool_->member_of(pool_index)];
  return placed(objects_of(raw, options_.objects, table), placement);
}

std::uint64_t SegmentationDataset::random_key(std::int64_t epoch, std::int64_t pool_index,
                                              const Draw& draw) const {
  RandomStream stream({options_.seed, static_cast<std::uint64_t>(RandomUse::kLayer),
                       static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(pool_index),
                       static_cast<std::uint64_t>(draw.number)});
  return std::uint64_t{stream.bits()} << 32 | stream.bits();
}

// Whole image: colour mode, normalisation, resize.
View SegmentationDataset::whole_view(const RawSample& raw, std::int64_t pool_index,
                                     const Placement& placement, const torch::Tensor& image) const {
  const torch::Tensor stored = apply_color_mode(options_.color_mode, raw.image);
  const auto scales = channel_scales(options_.normalization, stored, raw.field_of_view);
  return {resize_image(scaled_image(stored, scales, image), placement),
          resize_labels(codes(raw, pool_index), placement)};
}

// A patch with context for the augmentation; only its pixels are converted where nothing is
// resized.
View SegmentationDataset::patch_view(const RawSample& raw, std::int64_t pool_index,
                                     std::uint64_t epoch, const Draw& draw) const {
  RandomStream stream({options_.seed, static_cast<std::uint64_t>(RandomUse::kPatch), epoch,
                       static_cast<std::uint64_t>(pool_index),
                       static_cast<std::uint64_t>(draw.number)});
  const Extent own{raw.image.size(1), raw.image.size(2)};
  const auto context = [this](const Window& window) {
    const Augmentation& change = options_.augmentation;
    return with_context(window, change.degrees, change.stretch, change.pixels);
  };
  constexpr auto kFill = static_cast<double>(kIgnored);
  if (options_.resize != ResizeMode::kNone) {
    const View whole = whole_view(raw, pool_index, place(options_.resize, own, options_.size));
    const Window window = context(draw_window(whole.labels, options_.patch, stream));
    return {cut(whole.image, window, 0), cut(whole.labels, window, kFill)};
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

Sample SegmentationDataset::get(std::int64_t epoch, const Draw& draw,
                                const torch::Tensor& image) const {
  const std::int64_t position = pool_index(draw.sample);
  const SampleId& name = id(draw.sample);
  try {
    if (mode_ == SampleMode::kEvaluate) return evaluate(draw.sample).sample;
    const bool patches = options_.patch.enabled();
    const torch::Tensor into = patches ? torch::Tensor() : image;
    const RawSample raw = pool_->read(position, into);
    const auto key = static_cast<std::uint64_t>(epoch);
    const Extent own{raw.image.size(1), raw.image.size(2)};
    View view = patches
                    ? patch_view(raw, position, key, draw)
                    : whole_view(raw, position, place(options_.resize, own, options_.size), into);
    Instances found;
    if (options_.objects != ObjectSource::kNone) {
      found = objects(raw, position, place(options_.resize, own, options_.size));
      view.boxes = found.boxes;
      view.masks = found.masks;
    }
    if (options_.augmentation.apply) {
      RandomStream stream({options_.seed, static_cast<std::uint64_t>(RandomUse::kAugmentation), key,
                           static_cast<std::uint64_t>(position),
                           static_cast<std::uint64_t>(draw.number)});
      options_.augmentation.apply(view, stream);
    }
    if (patches) cut_middle(view, options_.patch.extent);
    const std::uint64_t layers = random_key(epoch, position, draw);
    if (options_.objects == ObjectSource::kNone)
      return {view.image.contiguous(), targets(view.labels), name, layers};
    found.boxes = view.boxes;
    found.masks = view.masks;
    found = present(found);
    if (options_.mini_masks.height > 0)
      found = with_mini_masks(std::move(found), options_.mini_masks);
    return {view.image.contiguous(), targets(found), name, layers};
  } catch (const std::exception& error) {
    throw std::runtime_error(with_sample(name, error.what()));
  }
}

EvaluationSample SegmentationDataset::evaluate(std::int64_t index) const {
  const std::int64_t position = pool_index(index);
  const RawSample raw = pool_->read(position);
  const Extent own{raw.image.size(1), raw.image.size(2)};
  const Placement placement = place(options_.resize, own, options_.size);
  const View view = whole_view(raw, position, placement);
  Targets truth = targets(codes(raw, position));
  const bool same = placement.target == own;
  Sample sample{view.image.contiguous(), same ? truth : targets(view.labels), id(index)};
  if (options_.objects != ObjectSource::kNone && !raw.labels.defined())
    for (auto& [task, target] : truth) target.labels = torch::Tensor();
  if (options_.objects != ObjectSource::kNone)
    for (auto& [task, target] : targets(objects(raw, position, place(ResizeMode::kNone, own, {}))))
      truth[task].instances = target.instances;
  return {std::move(sample), std::move(truth), placement};
}

}  // namespace medsweep::datasets
