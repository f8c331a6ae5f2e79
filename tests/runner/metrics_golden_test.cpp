#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runner/metrics/metrics.h"

namespace medsweep::runner {
namespace {

using Json = nlohmann::json;

/// The generator of tests/golden/metrics.py.
class GoldenGenerator {
 public:
  explicit GoldenGenerator(std::uint64_t seed) : state_(seed) {}
  std::int64_t below(std::int64_t count) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::int64_t>(state_ >> 33) % count;
  }

 private:
  std::uint64_t state_;
};

using Voxel = std::array<std::int64_t, 3>;

/// Calls `visit` with every voxel in row-major order.
template <typename Visit>
void for_each_voxel(const Voxel& shape, Visit visit) {
  for (std::int64_t d = 0; d < shape[0]; ++d)
    for (std::int64_t h = 0; h < shape[1]; ++h)
      for (std::int64_t w = 0; w < shape[2]; ++w) visit(Voxel{d, h, w});
}

Voxel draw_voxel(const Voxel& shape, GoldenGenerator& generator) {
  Voxel voxel;
  for (std::size_t axis = 0; axis < 3; ++axis) voxel[axis] = generator.below(shape[axis]);
  return voxel;
}

std::int64_t squared_voxels(const Voxel& a, const Voxel& b) {
  std::int64_t sum = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) sum += (a[axis] - b[axis]) * (a[axis] - b[axis]);
  return sum;
}

torch::Tensor make_mask(const std::string& kind, const Voxel& shape, GoldenGenerator& generator) {
  torch::Tensor mask = torch::zeros(shape, torch::kUInt8);
  auto value = mask.accessor<std::uint8_t, 3>();
  if (kind == "full") mask.fill_(1);
  if (kind == "voxel") {
    const Voxel voxel = draw_voxel(shape, generator);
    value[voxel[0]][voxel[1]][voxel[2]] = 1;
  }
  for (int ball = 0; ball < 3 && (kind == "balls" || kind == "noise"); ++ball) {
    const Voxel center = draw_voxel(shape, generator);
    const std::int64_t radius = 1 + generator.below(*std::ranges::max_element(shape) / 4);
    for_each_voxel(shape, [&](const Voxel& v) {
      if (squared_voxels(v, center) <= radius * radius) value[v[0]][v[1]][v[2]] = 1;
    });
  }
  for_each_voxel(shape, [&](const Voxel& v) {
    if (kind == "noise" && generator.below(40) == 0)
      value[v[0]][v[1]][v[2]] = static_cast<std::uint8_t>(1 - value[v[0]][v[1]][v[2]]);
  });
  return mask;
}

torch::Tensor make_valid(const Voxel& shape) {
  torch::Tensor valid = torch::zeros(shape, torch::kBool);
  auto value = valid.accessor<bool, 3>();
  const std::int64_t diameter = std::min(shape[1], shape[2]);
  for_each_voxel(shape, [&](const Voxel& v) {
    const std::int64_t h = 2 * v[1] - shape[1], w = 2 * v[2] - shape[2];
    value[v[0]][v[1]][v[2]] = h * h + w * w <= diameter * diameter;
  });
  return valid;
}

torch::Tensor make_scores(const torch::Tensor& truth, GoldenGenerator& generator) {
  torch::Tensor scores = torch::zeros(truth.sizes(), torch::kFloat32);
  const auto* label = truth.const_data_ptr<std::uint8_t>();
  float* score = scores.data_ptr<float>();
  for (std::int64_t i = 0; i < truth.numel(); ++i)
    score[i] = static_cast<float>(generator.below(48) + 16 * label[i]) / 64;
  return scores.unsqueeze(0);
}

Case make_case(const Json& description) {
  GoldenGenerator generator(description.at("seed"));
  const Voxel shape = description.at("shape");
  Case whole;
  whole.name = description.at("seed").dump();
  whole.prediction = make_mask(description.at("prediction"), shape, generator);
  whole.truth = make_mask(description.at("truth"), shape, generator);
  if (description.at("field_of_view")) whole.valid = make_valid(shape);
  whole.probabilities = make_scores(whole.truth, generator);
  whole.spacing = description.at("spacing").get<std::vector<double>>();
  whole.classes = {"object"};
  return whole;
}

Json golden_cases() {
  std::ifstream file(MEDSWEEP_SOURCE_DIR "/tests/golden/metrics.json");
  return Json::parse(file);
}

class GoldenMetrics : public testing::TestWithParam<Json> {};

TEST_P(GoldenMetrics, EqualThoseOfMonaiMedpyAndTheFormulas) {
  const Json& expected = GetParam().at("expected");

  const std::vector<MetricRow> rows =
      evaluate_case(make_case(GetParam()), offered_metrics(Spacing::kKnown));

  std::size_t compared = 0;
  for (const MetricRow& row : rows) {
    if (!expected.contains(row.metric)) continue;
    ++compared;
    const Json& value = expected.at(row.metric);
    ASSERT_EQ(row.value.has_value(), !value.is_null()) << row.metric << ": " << row.reason;
    if (row.value) {
      EXPECT_NEAR(*row.value, value.get<double>(), 1e-6 * std::abs(value.get<double>()))
          << row.metric;
    }
    EXPECT_EQ(row.reason.empty(), row.value.has_value()) << row.metric;
  }
  EXPECT_EQ(compared, metric_rows().size());
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_EQ(rows.at(metric_rows().size() + i).value, expected.at("counts").at(i)) << i;
}

INSTANTIATE_TEST_SUITE_P(RandomMasks, GoldenMetrics, testing::ValuesIn(golden_cases()),
                         [](const auto& info) {
                           const Json& shape = info.param.at("shape");
                           return std::to_string(shape[0].template get<int>()) + "_slices_" +
                                  info.param.at("prediction").template get<std::string>() +
                                  "_against_" + info.param.at("truth").template get<std::string>() +
                                  "_" + std::to_string(info.param.at("seed").template get<int>());
                         });

}  // namespace
}  // namespace medsweep::runner
