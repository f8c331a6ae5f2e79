#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "datasets/converters/coco_annotations.h"
#include "runner/metrics/detection/detection_summary.h"
#include "tests/datasets/test_samples.h"
#include "tests/runner/metrics/made_up_detections.h"

namespace medsweep::runner {
namespace {

using datasets::CocoAnnotations;
using datasets::CocoImage;
using GoldenJson = nlohmann::json;

constexpr std::size_t kCrowdedImage = 3;  // of tests/golden/detection_metrics.py

const GoldenJson& golden_numbers() {
  static const GoldenJson kNumbers = [] {
    std::ifstream file(MEDSWEEP_SOURCE_DIR "/tests/golden/detection_metrics.json");
    return GoldenJson::parse(file);
  }();
  return kNumbers;
}

/// The box of a mask's pixels; all 0 where it is empty.
TestBox box_of_mask(const torch::Tensor& mask) {
  const auto range = [&](std::int64_t axis) -> std::pair<double, double> {
    const torch::Tensor places = mask.amax(axis).nonzero();
    if (places.numel() == 0) return {0, 0};
    return {places.min().item<double>(), places.max().item<double>() + 1};
  };
  const auto [x1, x2] = range(0);
  const auto [y1, y2] = range(1);
  return {x1, y1, x2, y2};
}

torch::Tensor shifted_mask(const torch::Tensor& mask, std::int64_t dx, std::int64_t dy) {
  torch::Tensor moved = torch::zeros_like(mask);
  const auto part = [](const torch::Tensor& whole, std::int64_t axis, std::int64_t shift) {
    const std::int64_t size = whole.size(axis);
    return whole.slice(axis, std::clamp<std::int64_t>(shift, 0, size),
                       std::clamp<std::int64_t>(size + shift, 0, size));
  };
  part(part(moved, 0, dy), 1, dx).copy_(part(part(mask, 0, -dy), 1, -dx));
  return moved;
}

TestThing thing_near(const TestThing& object, std::int64_t classes, std::int64_t reach_share,
                     DetectionGenerator& generator) {
  const auto w = static_cast<std::int64_t>(object.box[2] - object.box[0]);
  const auto h = static_cast<std::int64_t>(object.box[3] - object.box[1]);
  TestThing near;
  const std::int64_t dx = generator.around(w / reach_share), dy = generator.around(h / reach_share);
  near.label = generator.below(8) > 0 ? object.label : 1 + generator.below(classes);
  near.score = static_cast<double>(1 + generator.below(63)) / 64;
  for (std::size_t edge = 0; edge < 4; ++edge) {
    const std::int64_t step = 1 + (edge % 2 == 0 ? w : h) / 16;
    const auto jitter = static_cast<double>(generator.around(8) * step) / 8;
    const bool moves = generator.below(4) > 0;
    near.box[edge] =
        object.box[edge] + static_cast<double>(edge % 2 == 0 ? dx : dy) + (moves ? jitter : 0);
  }
  near.box[2] = std::max(near.box[2], near.box[0] + 0.125);
  near.box[3] = std::max(near.box[3], near.box[1] + 0.125);
  near.mask = shifted_mask(object.mask, dx, dy);
  return near;
}

TestThing thing_anywhere(const std::vector<TestThing>& objects, std::int64_t classes,
                         const datasets::Extent& size, DetectionGenerator& generator) {
  const std::int64_t left = generator.below(size.width), top = generator.below(size.height);
  const std::int64_t right = std::min(left + 1 + generator.below(size.width / 3), size.width);
  const std::int64_t bottom = std::min(top + 1 + generator.below(size.height / 3), size.height);
  const auto count = static_cast<std::int64_t>(objects.size());
  const std::int64_t label = objects.empty()
                                 ? 1 + generator.below(classes)
                                 : objects[static_cast<std::size_t>(generator.below(count))].label;
  const double score = static_cast<double>(1 + generator.below(63)) / 64;
  return of_class(rectangle(left, top, right, bottom, score, size), label);
}

enum class Crowdedness { kUsual, kMoreThanAHundred };

std::vector<TestThing> made_up_detections(const std::vector<TestThing>& objects,
                                          std::int64_t classes, const CocoImage& image,
                                          Crowdedness crowdedness) {
  DetectionGenerator generator(static_cast<std::uint64_t>(image.id));
  std::vector<TestThing> found;
  for (const TestThing& object : objects)
    for (std::int64_t count = generator.below(4); count > 0; --count)
      found.push_back(thing_near(object, classes, 8, generator));
  for (std::int64_t count = generator.below(4); count > 0; --count)
    found.push_back(thing_anywhere(objects, classes, {image.height, image.width}, generator));
  for (int i = 0; crowdedness == Crowdedness::kMoreThanAHundred && i < 130; ++i)
    found.push_back(thing_near(objects[0], 1, 3, generator));
  return found;
}

std::vector<TestThing> objects_of(const CocoAnnotations& coco, std::size_t image) {
  std::vector<TestThing> things;
  for (const auto& object : coco.objects) {
    if (object.image != image) continue;
    std::vector<std::uint8_t> pixels = mask_of(object, coco.images[image], "golden");
    TestThing thing{.label = static_cast<std::int64_t>(object.category) + 1, .crowd = object.crowd};
    thing.mask = torch::tensor(pixels, torch::kUInt8)
                     .view({coco.images[image].height, coco.images[image].width});
    thing.box = box_of_mask(thing.mask);
    things.push_back(thing);
  }
  return things;
}

struct CocoSummaries {
  DetectionSummary with_masks{offered_detection_metrics(DetectionRegions::kMasks), {}};
  DetectionSummary boxes_only{offered_detection_metrics(DetectionRegions::kBoxes), {}};
  std::size_t detections = 0;
};

/// Images are given in another order than that of their ids, which are their positions.
CocoSummaries summaries_of(const CocoAnnotations& coco) {
  std::vector<std::int64_t> ids;
  for (const CocoImage& image : coco.images) ids.push_back(image.id);
  std::ranges::sort(ids);
  std::vector<std::string> classes;
  for (const auto& category : coco.categories) classes.push_back(category.name);
  CocoSummaries summaries;
  for (std::size_t i = coco.images.size(); i-- > 0;) {
    const CocoImage& image = coco.images[i];
    const std::vector<TestThing> objects = objects_of(coco, i);
    const bool crowded = image.id == ids[kCrowdedImage];
    const std::vector<TestThing> found =
        made_up_detections(objects, static_cast<std::int64_t>(classes.size()), image,
                           crowded ? Crowdedness::kMoreThanAHundred : Crowdedness::kUsual);
    DetectionCase scored =
        made_case(image.file_name, objects, found, {image.height, image.width}, classes);
    summaries.detections += found.size();
    summaries.with_masks.add(image.id, scored);
    scored.found.masks = scored.truth.masks = torch::Tensor();
    summaries.boxes_only.add(image.id, scored);
  }
  return summaries;
}

/// The largest difference over all classes of all metrics, and that every number was compared.
void expect_equal(const DetectionSummary& summary, const GoldenJson& expected) {
  std::map<std::string, std::vector<std::optional<double>>> by_metric;
  for (const SummaryRow& row : summary.rows())
    if (!row.class_name.empty()) by_metric[row.metric].push_back(row.value);
  for (const auto& [metric, numbers] : expected.items()) {
    EXPECT_NEAR(summary.overall(metric).value(), numbers.at("all").get<double>(), 1e-9) << metric;
    ASSERT_EQ(by_metric[metric].size(), numbers.at("classes").size()) << metric;
    for (std::size_t i = 0; i < numbers.at("classes").size(); ++i) {
      const GoldenJson& number = numbers.at("classes").at(i);
      ASSERT_EQ(by_metric[metric][i].has_value(), !number.is_null()) << metric << " of " << i;
      if (!number.is_null()) {
        EXPECT_NEAR(*by_metric[metric][i], number.get<double>(), 1e-9) << metric << " of " << i;
      }
    }
  }
}

TEST(DetectionGolden, CocosNumbersEqualThoseOfPycocotools) {
  const std::filesystem::path source = datasets::real_data("coco_tiny");
  if (source.empty()) GTEST_SKIP() << "coco_tiny is absent (MEDSWEEP_TEST_DATA)";
  std::vector<std::string> skipped;
  const CocoAnnotations coco = datasets::read_coco(
      source / "instances_train2017.json", datasets::ConverterOptions::OnBad::kStop, skipped);
  const GoldenJson& expected = golden_numbers().at("coco");

  const CocoSummaries summaries = summaries_of(coco);

  EXPECT_EQ(coco.objects.size(), expected.at("objects").get<std::size_t>());
  ASSERT_EQ(summaries.detections, expected.at("detections").get<std::size_t>());
  EXPECT_EQ(expected.at("with_masks").size(), 14u);
  expect_equal(summaries.with_masks, expected.at("with_masks"));
  EXPECT_EQ(expected.at("boxes_only").size(), 7u);
  expect_equal(summaries.boxes_only, expected.at("boxes_only"));
}

TestBox random_box(DetectionGenerator& generator) {
  const auto eighths = [&](std::int64_t count) {
    return static_cast<double>(generator.below(count)) / 8;
  };
  TestBox box{};
  box[0] = eighths(800);
  box[1] = eighths(800);
  box[2] = box[0] + 1 + eighths(240);
  box[3] = box[1] + 1 + eighths(240);
  return box;
}

DetectionCase case_of_boxes(std::uint64_t seed) {
  DetectionGenerator generator(seed);
  std::vector<TestThing> objects, found;
  for (std::int64_t count = generator.below(4); count > 0; --count)
    objects.push_back({random_box(generator)});
  for (std::int64_t count = generator.below(6); count > 0; --count) {
    TestThing thing;
    const auto choices = static_cast<std::int64_t>(objects.size());
    if (choices > 0 && generator.below(4) > 0) {
      thing.box = objects[static_cast<std::size_t>(generator.below(choices))].box;
      for (double& edge : thing.box) edge += static_cast<double>(generator.around(24)) / 8;
    } else {
      thing.box = random_box(generator);
    }
    thing.score = static_cast<double>(generator.below(64)) / 64;
    found.push_back(thing);
  }
  return made_case(std::to_string(seed), objects, found, {256, 256});
}

DetectionSummary summary_of_boxes(double heart_step) {
  DetectionSummary summary({"heart_box_iou", "heart_box_map", "rsna_score"},
                           {.heart = {.step = heart_step}});
  for (std::uint64_t seed = 0; seed < golden_numbers().at("boxes").at("images"); ++seed)
    summary.add(static_cast<std::int64_t>(seed), case_of_boxes(seed));
  return summary;
}

class HeartGolden : public testing::TestWithParam<std::string> {};

TEST_P(HeartGolden, BoxNumbersEqualASecondImplementation) {
  const DetectionSummary summary = summary_of_boxes(std::stod(GetParam()));

  for (const auto& [metric, number] : golden_numbers().at("boxes").at(GetParam()).items())
    EXPECT_NEAR(summary.overall(metric).value(), number.get<double>(), 1e-12) << metric;
}

INSTANTIATE_TEST_SUITE_P(BothSteps, HeartGolden, testing::Values("0.1", "0.05"),
                         [](const auto& info) { return info.param == "0.1" ? "Wide" : "Fine"; });

TEST(DetectionGolden, TheChallengesScoreEqualsASecondImplementation) {
  const GoldenJson& expected = golden_numbers().at("boxes").at("rsna_score");
  const std::vector<CaseRows> cases = summary_of_boxes(0.1).cases();
  ASSERT_EQ(cases.size(), expected.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    ASSERT_EQ(cases[i].rows.size(), 1u);
    const MetricRow& row = cases[i].rows[0];
    ASSERT_EQ(row.value.has_value(), !expected[i].is_null()) << i;
    if (row.value) {
      EXPECT_NEAR(*row.value, expected[i].get<double>(), 1e-12) << i;
    }
  }
}

}  // namespace
}  // namespace medsweep::runner
