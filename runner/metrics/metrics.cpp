#include "runner/metrics/metrics.h"

#include <array>

#include "runner/metrics/auc.h"
#include "runner/metrics/counts.h"
#include "runner/metrics/surface_distance.h"

namespace medsweep::runner {
namespace {

constexpr std::string_view kPooled = "_pooled";

/// A value, or why there is none.
struct Measure {
  std::optional<double> value;
  std::string_view reason;
};

/// One class of one case, with what several metrics share.
class ClassEvidence {
 public:
  ClassEvidence(const Case& whole, std::uint8_t label, const Counts& counts)
      : whole_(whole), label_(label), counts_(counts) {}

  const Case& whole() const { return whole_; }
  std::uint8_t label() const { return label_; }
  const Counts& counts() const { return counts_; }
  /// Made at the first call.
  const std::optional<SurfaceDistances>& distances() {
    if (!measured_) distances_ = surface_distances(whole_, label_);
    measured_ = true;
    return distances_;
  }

 private:
  const Case& whole_;
  std::uint8_t label_;
  Counts counts_;
  bool measured_ = false;
  std::optional<SurfaceDistances> distances_;
};

template <std::optional<double> (*ratio)(const Counts&)>
Measure of_counts(ClassEvidence& evidence) {
  return {ratio(evidence.counts()), "its denominator is empty"};
}

template <double (*distance)(const SurfaceDistances&)>
Measure of_surfaces(ClassEvidence& evidence) {
  if (evidence.whole().spacing.empty()) return {{}, "the spacing is unknown"};
  const auto& distances = evidence.distances();
  if (distances) return {distance(*distances), {}};
  return {{}, evidence.counts().both_empty() ? "both masks are empty" : "one mask is empty"};
}

Measure of_probabilities(ClassEvidence& evidence) {
  if (!evidence.whole().probabilities.defined()) return {{}, "no probabilities were kept"};
  return {auc(evidence.whole(), evidence.label()),
          "only one kind of voxel, or a probability that is not a number"};
}

struct MetricKind {
  Measure (*compute)(ClassEvidence&);
  Direction direction;
  bool in_mm;
};

constexpr MetricKind overlap_kind(Measure (*compute)(ClassEvidence&)) {
  return {compute, Direction::kHigher, false};
}

constexpr MetricKind error_kind(Measure (*compute)(ClassEvidence&)) {
  return {compute, Direction::kLower, false};
}

constexpr MetricKind distance_kind(Measure (*compute)(ClassEvidence&)) {
  return {compute, Direction::kLower, true};
}

constexpr std::string_view kCounts = "runner/metrics/counts";
constexpr std::string_view kSurfaces = "runner/metrics/surface_distance";

// The one place to touch for a new metric. Names are in people's results: they never change.
constexpr std::array kMetrics{
    Entry<MetricKind>{"dice", "dice", kCounts, overlap_kind(of_counts<dice>),
                      "2 |P and T| / (|P| + |T|); both empty is 1"},
    Entry<MetricKind>{"iou", "iou", kCounts, overlap_kind(of_counts<iou>),
                      "|P and T| / |P or T|; both empty is 1"},
    Entry<MetricKind>{"sensitivity", "sens", kCounts, overlap_kind(of_counts<sensitivity>),
                      "the share of the truth that is found; undefined without truth"},
    Entry<MetricKind>{"specificity", "spec", kCounts, overlap_kind(of_counts<specificity>),
                      "the share of what is not truth that is left alone"},
    Entry<MetricKind>{"precision", "prec", kCounts, overlap_kind(of_counts<precision>),
                      "the share of the prediction that is true; undefined without prediction"},
    Entry<MetricKind>{"accuracy", "acc", kCounts, overlap_kind(of_counts<accuracy>),
                      "the share of all that is right, background included"},
    Entry<MetricKind>{"voe", "voe", kCounts, error_kind(of_counts<overlap_error>),
                      "1 - IoU, the volumetric overlap error"},
    Entry<MetricKind>{"rvd", "rvd", kCounts, error_kind(of_counts<volume_difference>),
                      "| |P| - |T| | / |T|, the relative volume difference without its sign; "
                      "undefined without truth"},
    Entry<MetricKind>{"hd_mm", "hd", kSurfaces, distance_kind(of_surfaces<hd>),
                      "the largest surface distance (as medpy's hd): the Hausdorff distance; "
                      "undefined where a mask is empty"},
    Entry<MetricKind>{"hd95_mm", "hd95", kSurfaces, distance_kind(of_surfaces<hd95>),
                      "the larger of the two directed 95th percentiles of the surface distances "
                      "(as MONAI); undefined where a mask is empty"},
    Entry<MetricKind>{"hd95_pooled_mm", "hd95p", kSurfaces, distance_kind(of_surfaces<hd95_pooled>),
                      "the 95th percentile of the surface distances of both directions together "
                      "(as medpy); undefined where a mask is empty"},
    Entry<MetricKind>{"assd_mm", "assd", kSurfaces, distance_kind(of_surfaces<assd>),
                      "the mean of the surface distances of both directions together (as medpy); "
                      "undefined where a mask is empty"},
    Entry<MetricKind>{"auc", "auc", "runner/metrics/auc", overlap_kind(of_probabilities),
                      "the area under the ROC curve within the field of view, ties counted half"},
};
static_assert(names_are_unique(kMetrics));

using AskedMetrics = std::vector<const Entry<MetricKind>*>;

void append_class(ClassEvidence& evidence, const std::string& class_name, const AskedMetrics& asked,
                  std::vector<MetricRow>& rows) {
  for (const auto* entry : asked) {
    const Measure measure = entry->make.compute(evidence);
    rows.push_back({std::string(entry->name), class_name, measure.value,
                    std::string(measure.value ? std::string_view() : measure.reason)});
  }
  const Counts& counts = evidence.counts();
  const std::array<std::int64_t, 5> numbers{counts.true_positive, counts.false_positive,
                                            counts.false_negative, counts.true_negative,
                                            counts.both_empty() ? 1 : 0};
  for (std::size_t i = 0; i < numbers.size(); ++i)
    rows.push_back({count_names()[i], class_name, static_cast<double>(numbers[i]), {}});
}

}  // namespace

const std::vector<std::string>& count_names() {
  static const std::vector<std::string> kNames{"true_positive", "false_positive", "false_negative",
                                               "true_negative", "both_empty"};
  return kNames;
}

std::vector<MetricRow> evaluate_case(const Case& whole, const std::vector<std::string>& metrics) {
  AskedMetrics asked;
  for (const std::string& metric : metrics) asked.push_back(&find("metrics", kMetrics, metric));
  const Case ready = checked(whole);
  const std::vector<Counts> counts = count_classes(ready);
  std::vector<MetricRow> rows;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    ClassEvidence evidence(ready, static_cast<std::uint8_t>(i + 1), counts[i]);
    append_class(evidence, ready.classes[i], asked, rows);
  }
  return rows;
}

std::vector<std::string> offered_metrics(Spacing spacing) {
  std::vector<std::string> names;
  for (const auto& entry : kMetrics)
    if (!entry.make.in_mm || spacing == Spacing::kKnown) names.emplace_back(entry.name);
  return names;
}

Direction direction_of(std::string_view metric) {
  if (metric.ends_with(kPooled)) metric.remove_suffix(kPooled.size());
  return find("metrics", kMetrics, metric).make.direction;
}

std::vector<Row> metric_rows() { return rows_of(kMetrics); }

}  // namespace medsweep::runner
