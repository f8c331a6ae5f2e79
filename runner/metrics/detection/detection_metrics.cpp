#include "runner/metrics/detection/detection_metrics.h"

#include <array>

namespace medsweep::runner {
namespace {

using OptionalNumber = std::optional<double>;

/// The one of the four that is there says what a metric is of.
struct DetectionMetricKind {
  OptionalNumber (*of_class)(const ClassRecord&) = nullptr;
  OptionalNumber (*of_image)(const ImageRecord&) = nullptr;
  OptionalNumber (*pooled_class)(const ImageRecords&, std::size_t label) = nullptr;
  OptionalNumber (*pooled)(const ImageRecords&) = nullptr;
  bool needs_masks = false;
  Direction direction = Direction::kHigher;
  bool has_classes() const { return of_class != nullptr || pooled_class != nullptr; }
  bool is_of_cases() const { return of_class != nullptr || of_image != nullptr; }
};

template <ClassMatches ClassRecord::*regions, PrecisionReading reading,
          AreaRange range = AreaRange::kAll>
constexpr DetectionMetricKind precision_kind() {
  return {.pooled_class =
              [](const ImageRecords& images, std::size_t label) {
                return precision_over(images, label, {regions, reading, range});
              },
          .needs_masks = regions == &ClassRecord::masks};
}

template <OptionalNumber ClassRecord::*number>
constexpr DetectionMetricKind class_kind(bool needs_masks) {
  return {.of_class = [](const ClassRecord& record) { return record.*number; },
          .needs_masks = needs_masks};
}

template <int percent>
OptionalNumber seconds_quantile(const ImageRecords& images) {
  return quantile_of_seconds(images, percent / 100.0);
}

constexpr auto kMaskMatches = &ClassRecord::masks, kBoxMatches = &ClassRecord::boxes;
constexpr std::string_view kPrecisionSource = "runner/metrics/detection/average_precision";
constexpr std::string_view kMatchSource = "runner/metrics/detection/best_match";
constexpr std::string_view kHeartSource = "runner/metrics/detection/heart_boxes";
constexpr std::string_view kRecordSource = "runner/metrics/detection/image_record";

using DetectionEntry = Entry<DetectionMetricKind>;
constexpr auto kReadMean = PrecisionReading::kMean, kReadAt50 = PrecisionReading::kAt50,
               kReadAt75 = PrecisionReading::kAt75, kReadRecall = PrecisionReading::kRecall;
constexpr auto kSmallArea = AreaRange::kSmall, kMediumArea = AreaRange::kMedium,
               kLargeArea = AreaRange::kLarge;

// The one place to touch for a new metric of found objects. Names are in people's results: they
// never change.
constexpr std::array kDetectionMetrics{
    DetectionEntry{"mask_ap", "map", kPrecisionSource, precision_kind<kMaskMatches, kReadMean>(),
                   "COCO's average precision of masks over IoU 0.5, 0.55 ... 0.95, pooled over all "
                   "images; at most 100 detections an image"},
    DetectionEntry{"mask_ap50", "map50", kPrecisionSource,
                   precision_kind<kMaskMatches, kReadAt50>(),
                   "COCO's average precision of masks at IoU 0.5"},
    DetectionEntry{"mask_ap75", "map75", kPrecisionSource,
                   precision_kind<kMaskMatches, kReadAt75>(),
                   "COCO's average precision of masks at IoU 0.75"},
    DetectionEntry{"box_ap", "bap", kPrecisionSource, precision_kind<kBoxMatches, kReadMean>(),
                   "COCO's average precision of boxes over IoU 0.5, 0.55 ... 0.95, pooled over all "
                   "images; at most 100 detections an image"},
    DetectionEntry{"box_ap50", "bap50", kPrecisionSource, precision_kind<kBoxMatches, kReadAt50>(),
                   "COCO's average precision of boxes at IoU 0.5"},
    DetectionEntry{"box_ap75", "bap75", kPrecisionSource, precision_kind<kBoxMatches, kReadAt75>(),
                   "COCO's average precision of boxes at IoU 0.75"},
    DetectionEntry{"mask_recall", "mrec", kPrecisionSource,
                   precision_kind<kMaskMatches, kReadRecall>(),
                   "COCO's average recall of masks (100 detections an image)"},
    DetectionEntry{"box_recall", "brec", kPrecisionSource,
                   precision_kind<kBoxMatches, kReadRecall>(),
                   "COCO's average recall of boxes (100 detections an image)"},
    DetectionEntry{"mask_ap_small", "maps", kPrecisionSource,
                   precision_kind<kMaskMatches, kReadMean, kSmallArea>(),
                   "mask_ap of objects up to 32 x 32 pixels"},
    DetectionEntry{"mask_ap_medium", "mapm", kPrecisionSource,
                   precision_kind<kMaskMatches, kReadMean, kMediumArea>(),
                   "mask_ap of objects from 32 x 32 to 96 x 96 pixels"},
    DetectionEntry{"mask_ap_large", "mapl", kPrecisionSource,
                   precision_kind<kMaskMatches, kReadMean, kLargeArea>(),
                   "mask_ap of objects from 96 x 96 pixels on"},
    DetectionEntry{"box_ap_small", "baps", kPrecisionSource,
                   precision_kind<kBoxMatches, kReadMean, kSmallArea>(),
                   "box_ap of objects up to 32 x 32 pixels"},
    DetectionEntry{"box_ap_medium", "bapm", kPrecisionSource,
                   precision_kind<kBoxMatches, kReadMean, kMediumArea>(),
                   "box_ap of objects from 32 x 32 to 96 x 96 pixels"},
    DetectionEntry{"box_ap_large", "bapl", kPrecisionSource,
                   precision_kind<kBoxMatches, kReadMean, kLargeArea>(),
                   "box_ap of objects from 96 x 96 pixels on"},
    DetectionEntry{"mask_iou", "miou", kMatchSource, class_kind<&ClassRecord::mask_iou>(true),
                   "the mean over the objects of the IoU with their best detection of a score of "
                   "0.5 or more; 0 where only something was found, undefined where nothing is "
                   "either"},
    DetectionEntry{"mask_dice", "mdice", kMatchSource, class_kind<&ClassRecord::mask_dice>(true),
                   "likewise, of Dice"},
    DetectionEntry{"box_iou", "biou", kMatchSource, class_kind<&ClassRecord::box_iou>(false),
                   "likewise, of the IoU of boxes"},
    DetectionEntry{"heart_box_iou",
                   "hbiou",
                   kHeartSource,
                   {.pooled = heart_box_iou},
                   "the mean IoU of boxes as the Heart system computes it, for comparison with its "
                   "numbers only"},
    DetectionEntry{"heart_box_map",
                   "hbmap",
                   kHeartSource,
                   {.pooled = heart_box_map},
                   "the mean average precision of boxes as the Heart system computes it, for "
                   "comparison with its numbers only"},
    DetectionEntry{"rsna_score", "rsna", "runner/metrics/detection/rsna_score",
                   class_kind<&ClassRecord::rsna_score>(false),
                   "the RSNA Pneumonia challenge's: TP / (TP + FP + FN) of boxes over IoU 0.4, "
                   "0.45 ... 0.75; undefined in images without objects and detections"},
    DetectionEntry{
        "both_lungs_found",
        "found",
        kRecordSource,
        {.of_image = [](const ImageRecord& image) { return image.all_found; }},
        "the share of images whose every object is met with an IoU of 0.5 by a detection of its "
        "class: masks where they are known, else boxes"},
    DetectionEntry{"seconds_per_image",
                   "sec",
                   kRecordSource,
                   {.of_image = [](const ImageRecord& image) { return image.seconds; },
                    .direction = Direction::kLower},
                   "the mean time to find an image's objects"},
    DetectionEntry{"seconds_per_image_median",
                   "sec50",
                   kRecordSource,
                   {.pooled = seconds_quantile<50>, .direction = Direction::kLower},
                   "the median time to find an image's objects"},
    DetectionEntry{"seconds_per_image_p95",
                   "sec95",
                   kRecordSource,
                   {.pooled = seconds_quantile<95>, .direction = Direction::kLower},
                   "the time within which 95 % of the images' objects are found"},
};
static_assert(names_are_unique(kDetectionMetrics));

const DetectionMetricKind& kind_of(std::string_view metric) {
  return find("metrics", kDetectionMetrics, metric).make;
}

std::string reason_without(const DetectionMetricKind& kind, const ImageRecord& image) {
  if (kind.needs_masks && !image.has_masks) return "a side has no masks";
  if (kind.of_class != nullptr) return "no object of the class, and none was found";
  return kind.direction == Direction::kLower ? "no time was taken" : "the image has no objects";
}

MetricRow row_of(const ImageRecord& image, const std::string& metric, const std::string& class_name,
                 const OptionalNumber& value) {
  return {metric, class_name, value,
          value ? std::string() : reason_without(kind_of(metric), image)};
}

/// The mean of `number` over the images that define it.
template <typename NumberOf>
SummaryRow mean_over(const ImageRecords& images, const NumberOf& number) {
  SummaryRow row;
  double sum = 0;
  for (const ImageRecord* image : images) {
    const OptionalNumber value = number(*image);
    sum += value.value_or(0);
    ++(value ? row.defined : row.undefined);
  }
  if (row.defined > 0) row.value = sum / static_cast<double>(row.defined);
  return row;
}

SummaryRow pooled_row(const ImageRecords& images, const OptionalNumber& value) {
  const auto count = static_cast<std::int64_t>(images.size());
  return {{}, {}, value, value ? count : 0, value ? 0 : count};
}

SummaryRow class_row(const DetectionMetricKind& kind, const ImageRecords& images,
                     std::size_t label) {
  if (kind.pooled_class != nullptr) return pooled_row(images, kind.pooled_class(images, label));
  return mean_over(images,
                   [&](const ImageRecord& image) { return kind.of_class(image.classes[label]); });
}

SummaryRow whole_row(const DetectionMetricKind& kind, const ImageRecords& images) {
  return kind.pooled != nullptr ? pooled_row(images, kind.pooled(images))
                                : mean_over(images, kind.of_image);
}

}  // namespace

std::vector<std::string> offered_detection_metrics(DetectionRegions regions) {
  std::vector<std::string> names;
  for (const auto& entry : kDetectionMetrics)
    if (regions == DetectionRegions::kMasks || !entry.make.needs_masks)
      names.emplace_back(entry.name);
  return names;
}

Direction detection_direction_of(std::string_view metric) { return kind_of(metric).direction; }

DetectionScope detection_scope_of(std::string_view metric) {
  return kind_of(metric).is_of_cases() ? DetectionScope::kCases : DetectionScope::kPooled;
}

std::vector<Row> detection_metric_rows() { return rows_of(kDetectionMetrics); }

std::vector<MetricRow> rows_of_image(const ImageRecord& image,
                                     const std::vector<std::string>& classes,
                                     const std::vector<std::string>& metrics) {
  std::vector<MetricRow> rows;
  for (std::size_t label = 0; label < classes.size(); ++label)
    for (const std::string& metric : metrics)
      if (const auto of_class = kind_of(metric).of_class)
        rows.push_back(row_of(image, metric, classes[label], of_class(image.classes[label])));
  for (const std::string& metric : metrics)
    if (const auto of_image = kind_of(metric).of_image)
      rows.push_back(row_of(image, metric, {}, of_image(image)));
  return rows;
}

std::vector<SummaryRow> rows_over_images(const ImageRecords& images,
                                         const std::vector<std::string>& classes,
                                         const std::vector<std::string>& metrics) {
  std::vector<SummaryRow> rows;
  const auto add = [&](const std::string& metric, const std::string& class_name, SummaryRow row) {
    row.metric = metric;
    row.class_name = class_name;
    rows.push_back(std::move(row));
  };
  for (std::size_t label = 0; label < classes.size(); ++label)
    for (const std::string& metric : metrics)
      if (kind_of(metric).has_classes())
        add(metric, classes[label], class_row(kind_of(metric), images, label));
  for (const std::string& metric : metrics)
    if (!kind_of(metric).has_classes()) add(metric, {}, whole_row(kind_of(metric), images));
  return rows;
}

}  // namespace medsweep::runner
