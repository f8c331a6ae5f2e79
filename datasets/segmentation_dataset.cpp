#include "datasets/segmentation_dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "datasets/class_names.h"
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

// The inner patch of a view that was cut with context.
void cut_middle(View& view, const Extent& extent) {
  constexpr auto kFill = static_cast<double>(kIgnored);
  if (view.is_volume()) {
    const torch::Tensor& labels = view.labels;
    const Box middle{{(labels.size(0) - extent.depth) / 2, (labels.size(1) - extent.height) / 2,
                      (labels.size(2) - extent.width) / 2},
                     extent};
    view.image = cut(view.image, middle, 0).contiguous();
    view.labels = cut(view.labels, middle, kFill).contiguous();
    return;
  }
  const Window middle{(view.labels.size(0) - extent.height) / 2,
                      (view.labels.size(1) - extent.width) / 2, extent};
  view = {cut(view.image, middle, 0).contiguous(), cut(view.labels, middle, kFill).contiguous()};
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
  check(options_.patch);
  check_dimensions();
  if (options_.objects != ObjectSource::kNone && options_.patch.enabled())
    throw std::invalid_argument(
        "[patch] of a network that finds objects; whole images are allowed");
  for (std::int64_t index = 0; index < size(); ++index) extent(index);
  resolve_classes();
}

void SegmentationDataset::resolve_classes() {
  const PoolMember& first = pool_->members().front();
  for (const auto& [task, classes] : tasks_) {
    check_distinct(task, classes);
    for (const std::string& name : classes)
      for (const std::string& part : parts_of(first, name))
        if (std::ranges::find(all_classes_, part) == all_classes_.end())
          all_classes_.push_back(part);
  }
  views_.emplace(pool_, options_, all_classes_);
  const auto position = [](const std::vector<std::string>& names, const std::string& name) {
    const auto found = std::ranges::find(names, name);
    return found == names.end() ? 0 : found - names.begin() + 1;
  };
  for (const auto& [task, classes] : tasks_) {
    bool has_regions = false;
    std::vector<std::vector<std::int64_t>> unions;
    for (const std::string& name : classes) {
      const std::vector<std::string> parts = parts_of(first, name);
      has_regions = has_regions || parts != std::vector{name};
      unions.emplace_back();
      for (const std::string& part : parts) unions.back().push_back(position(all_classes_, part));
    }
    if (has_regions) regions_ = unions;
    auto& labels = task_labels_[task] = {kIgnored, 0};
    for (const std::string& name : all_classes_)
      labels.push_back(position(has_regions ? all_classes_ : classes, name));
  }
}

void SegmentationDataset::check_dimensions() const {
  if (pool_->dimension() != 3) return;
  if (options_.objects != ObjectSource::kNone)
    throw std::invalid_argument("[objects] of volumes; label maps are allowed");
  if (options_.patch.enabled() && options_.patch.extent.depth < 2)
    throw std::invalid_argument(
        "[patch] [height, width] of volumes; [depth, height, width] with a depth of at least 2 is "
        "allowed");
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
  return placed(objects_of(raw, options_.objects, views_->table(pool_index)), placement);
}

std::uint64_t SegmentationDataset::random_key(std::int64_t epoch, std::int64_t pool_index,
                                              const Draw& draw) const {
  RandomStream stream({options_.seed, static_cast<std::uint64_t>(RandomUse::kLayer),
                       static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(pool_index),
                       static_cast<std::uint64_t>(draw.number)});
  return std::uint64_t{stream.bits()} << 32 | stream.bits();
}

void SegmentationDataset::augment(View& view, std::int64_t epoch, std::int64_t pool_index,
                                  const Draw& draw) const {
  if (!options_.augmentation.apply) return;
  RandomStream stream({options_.seed, static_cast<std::uint64_t>(RandomUse::kAugmentation),
                       static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(pool_index),
                       static_cast<std::uint64_t>(draw.number)});
  options_.augmentation.apply(view, stream);
}

// A patch, or the whole image, of a network of label maps.
Sample SegmentationDataset::labelled_sample(std::int64_t epoch, std::int64_t position,
                                            const Draw& draw, const torch::Tensor& image) const {
  const auto key = static_cast<std::uint64_t>(epoch);
  const bool patches = options_.patch.enabled();
  View view;
  if (patches && pool_->dimension() == 3) {
    view = views_->volume_patch(position, key, draw);
  } else {
    const RawSample raw = pool_->read(position, patches ? torch::Tensor() : image);
    const Extent own = image_extent(raw.image);
    view = patches
               ? views_->patch(raw, position, key, draw)
               : views_->whole(raw, position, place(options_.resize, own, options_.size), image);
  }
  augment(view, epoch, position, draw);
  if (patches) cut_middle(view, options_.patch.extent);
  return {view.image.contiguous(), targets(view.labels), id(draw.sample),
          random_key(epoch, position, draw)};
}

// A whole image with its objects.
Sample SegmentationDataset::sample_of_objects(std::int64_t epoch, std::int64_t position,
                                              const Draw& draw, const torch::Tensor& image) const {
  const RawSample raw = pool_->read(position, image);
  const Placement placement = place(options_.resize, image_extent(raw.image), options_.size);
  View view = views_->whole(raw, position, placement, image);
  Instances found = objects(raw, position, placement);
  view.boxes = found.boxes;
  view.masks = found.masks;
  augment(view, epoch, position, draw);
  found.boxes = view.boxes;
  found.masks = view.masks;
  found = present(found);
  if (options_.mini_masks.height > 0)
    found = with_mini_masks(std::move(found), options_.mini_masks);
  return {view.image.contiguous(), targets(found), id(draw.sample),
          random_key(epoch, position, draw)};
}

Sample SegmentationDataset::get(std::int64_t epoch, const Draw& draw,
                                const torch::Tensor& image) const {
  const std::int64_t position = pool_index(draw.sample);
  try {
    if (mode_ == SampleMode::kEvaluate) return evaluate(draw.sample).sample;
    return options_.objects == ObjectSource::kNone
               ? labelled_sample(epoch, position, draw, image)
               : sample_of_objects(epoch, position, draw, image);
  } catch (const std::exception& error) {
    throw std::runtime_error(with_sample(id(draw.sample), error.what()));
  }
}

EvaluationSample SegmentationDataset::evaluate(std::int64_t index) const {
  const std::int64_t position = pool_index(index);
  const RawSample raw = pool_->read(position);
  const Extent own = image_extent(raw.image);
  const Placement placement = place(options_.resize, own, options_.size);
  const View view = views_->whole(raw, position, placement);
  Targets truth = targets(views_->codes(raw, position));
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
