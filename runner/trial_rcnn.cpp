#include "runner/trial_rcnn.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

#include "models/mask_rcnn/rcnn_networks.h"
#include "runner/trial_attention.h"

namespace medsweep::runner {
namespace {

/// The options that a study gives its network, read into fields that have defaults.
class GivenOptions {
 public:
  explicit GivenOptions(const Named& model) : options_(model.options) {}

  template <typename Value>
  void set(const char* key, Value& field) const {
    if (options_.contains(key)) options_.at(key).get_to(field);
  }
  template <typename Policy>
  void choose(const char* key, Policy& field) const {
    if (options_.contains(key))
      field = models::policy_of<Policy>(options_.at(key).get<std::string>());
  }
  /// [training, prediction], or one number for both.
  void set_pair(const char* key, std::int64_t& training, std::int64_t& prediction) const {
    if (!options_.contains(key)) return;
    const auto values = options_.at(key).get<std::vector<std::int64_t>>();
    if (values.empty() || values.size() > 2)
      throw std::invalid_argument(
          fmt::format("[model.{}] {} numbers; one, or two for training and prediction, are allowed",
                      key, values.size()));
    training = values.front();
    prediction = values.back();
  }
  bool has(const char* key) const { return options_.contains(key); }

 private:
  const nlohmann::json& options_;
};

void read_image(const GivenOptions& given, models::RcnnImageOptions& image) {
  given.set("image_mean", image.mean);
  given.set("image_deviation", image.deviation);
  given.choose("image_resize", image.resize);
  given.set("min_size", image.min_sizes);
  given.set("max_size", image.max_size);
}

void read_sampling(const GivenOptions& given, const std::string& stage,
                   models::SamplingOptions& sampling) {
  const auto key = [&](const char* name) { return stage + name; };
  given.set(key("_foreground_iou").c_str(), sampling.foreground_iou);
  given.set(key("_background_iou").c_str(), sampling.background_iou);
  given.set(key("_per_image").c_str(), sampling.per_image);
  given.set(key("_positive_share").c_str(), sampling.positive_share);
  given.choose(key("_negatives").c_str(), sampling.negatives);
}

void read_box_loss(const GivenOptions& given, models::BoxLossOptions& loss) {
  given.set("box_loss_beta", loss.beta);
  given.choose("box_loss_mean", loss.mean);
}

void read_proposals(const GivenOptions& given, models::RpnOptions& rpn) {
  if (given.has("anchor_sizes")) {
    std::vector<double> sizes;
    given.set("anchor_sizes", sizes);
    rpn.anchors.sizes.clear();
    for (const double size : sizes) rpn.anchors.sizes.push_back({size});
  }
  given.set("anchor_ratios", rpn.anchors.ratios);
  given.choose("anchor_corners", rpn.anchors.corners);
  given.set("rpn_channels", rpn.channels);
  given.choose("rpn_score", rpn.score);
  read_sampling(given, "rpn", rpn.sampling);
  read_box_loss(given, rpn.box_loss);
  given.choose("proposal_limit", rpn.limit);
  given.set_pair("proposals_before_nms", rpn.before_nms_training, rpn.before_nms_prediction);
  given.set_pair("proposals_after_nms", rpn.after_nms_training, rpn.after_nms_prediction);
  given.set("proposal_nms", rpn.nms_iou);
}

void read_regions(const GivenOptions& given, models::RoiOptions& roi) {
  read_sampling(given, "roi", roi.sampling);
  read_box_loss(given, roi.box_loss);
  given.choose("ground_truth", roi.ground_truth);
  given.choose("level_rule", roi.level_rule);
  given.choose("pooling", roi.pooling);
  given.set("sampling_ratio", roi.sampling_ratio);
  given.set("representation", roi.representation);
  given.choose("mask_target", roi.mask_target);
}

void read_detection(const GivenOptions& given, models::DetectionOptions& detection) {
  given.set("min_score", detection.min_score);
  given.set("nms", detection.nms_iou);
  given.set("detections", detection.limit);
  given.choose("class_choice", detection.classes);
  given.set("mask_threshold", detection.mask_threshold);
}

/// c3, c4 and c5 are places in the backbone, the others after it.
void place_attention(const TrialSettings& settings, models::MaskRcnnOptions& options) {
  if (settings.attention.name == "none") return;
  const models::PlacedAttention placed = placed_attention(settings);
  const std::vector<std::string> otherwise{"mask_head"};
  for (const auto& place : settings.attention.get("place", otherwise)) {
    const bool in_backbone = place.size() == 2 && place.front() == 'c';
    (in_backbone ? options.backbone_options.attention : options.attention)[place] = placed;
  }
}

}  // namespace

bool finds_objects(const TrialSettings& settings) { return models::is_rcnn(settings.model.name); }

std::vector<std::string_view> rcnn_names() {
  std::vector<std::string_view> names;
  for (const Row& row : models::rcnn_rows()) names.push_back(row.name);
  return names;
}

std::vector<models::RcnnTask> rcnn_tasks(const TrialSettings& settings, const DataShape& shape) {
  if (settings.tasks.empty()) return {{datasets::kSegmentation, shape.classes}};
  std::vector<models::RcnnTask> tasks;
  for (const auto& task : settings.tasks) {
    const auto classes = task.get<std::vector<std::string>>();
    tasks.push_back(
        {fmt::format("{}", fmt::join(classes, "+")), static_cast<std::int64_t>(classes.size())});
  }
  return tasks;
}

models::MaskRcnnOptions rcnn_options(const TrialSettings& settings, const DataShape& shape) {
  models::MaskRcnnOptions options;
  const models::RcnnKind kind = models::rcnn_kind(settings.model.name);
  options.version = kind.version;
  options.outputs = kind.outputs;
  options.backbone_options.in_channels = shape.channels;
  if (settings.profile == "matterport") options = models::matterport_profile(options);
  if (settings.backbone.name != "none") options.backbone = settings.backbone.name;
  options.backbone_options.batch_statistics =
      models::batch_statistics_of(settings.batch_statistics);
  if (settings.color_mode == "gray_enhanced") options.gray = models::GrayInput::kEnhanced;
  place_attention(settings, options);
  options.tasks = rcnn_tasks(settings, shape);
  options.share = models::policy_of<models::FeatureShare>(settings.feature_share.name);
  options.precision = models::precision_of(settings.precision);
  options.layout = settings.channels_last ? models::MemoryLayout::kChannelsLast
                                          : models::MemoryLayout::kContiguous;
  options.seed = static_cast<std::uint64_t>(settings.seed);
  const auto channels = static_cast<std::size_t>(shape.channels);
  if (settings.normalize == "zscore" || settings.normalize == "unit") {
    options.image.mean.assign(channels, 0);
    options.image.deviation.assign(channels, 1);
  }
  const GivenOptions given(settings.model);
  given.set("normalization", options.backbone_options.normalization);
  given.set("pyramid_channels", options.pyramid_channels);
  given.set("mean_square_decay", options.mean_square_decay);
  read_image(given, options.image);
  read_proposals(given, options.rpn);
  read_regions(given, options.roi);
  read_detection(given, options.detection);
  models::check_options(options);
  return options;
}

datasets::Extent mini_mask_size(const TrialSettings& settings) {
  if (!finds_objects(settings) ||
      models::rcnn_kind(settings.model.name).outputs == models::RcnnOutputs::kBoxes)
    return {};
  std::vector<std::int64_t> sides;
  if (settings.profile == "matterport") sides = {56, 56};
  GivenOptions(settings.model).set("mini_masks", sides);
  if (sides.empty()) return {};
  if (sides.size() != 2)
    throw std::invalid_argument(fmt::format(
        "[model.mini_masks] {} numbers; [height, width], or [] for whole masks, is allowed",
        sides.size()));
  return {sides[0], sides[1]};
}

}  // namespace medsweep::runner
