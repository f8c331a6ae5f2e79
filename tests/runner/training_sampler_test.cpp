#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <map>
#include <set>
#include <string>

#include "datasets/data_file_writer.h"
#include "runner/knobs.h"
#include "runner/training.h"
#include "sweeps/study.h"

namespace medsweep::runner {
namespace {

/// A file of 12 landscapes and 12 portraits in turn; gives its path.
std::string write_two_shapes() {
  const std::string path = testing::TempDir() + "/medsweep_two_shapes.h5";
  datasets::DataFileWriter writer(path, {.name = "two", .classes = {"spot"}, .channels = 1});
  for (std::int64_t i = 0; i < 24; ++i) {
    datasets::RawSample sample;
    sample.image = torch::full({1, i % 2 == 0 ? 30 : 50, i % 2 == 0 ? 50 : 30}, i, torch::kUInt8);
    sample.labels = torch::zeros(sample.image.sizes().slice(1), torch::kUInt8);
    sample.labels[3][4] = 1;
    sample.id.name = sample.id.case_name = sample.id.patient = fmt::format("p{}", i);
    writer.add(sample);
  }
  writer.finish();
  return path;
}

/// How many of the first epoch's batches have images of both shapes.
std::int64_t batches_of_both_shapes(const std::string& data_file, const std::string& lines) {
  const std::string path = testing::TempDir() + "/medsweep_two_shapes.toml";
  std::ofstream(path) << "name = \"two\"\n[trial]\ndataset = \"" << data_file
                      << "\"\nmodel = \"mask_rcnn\"\nbatch_size = 4\n"
                      << lines;
  const TrialSettings settings =
      read_settings(sweeps::load_study(path, make_schema()).trials.front());
  const TrialData data = open_trial_data(settings);
  const datasets::Sampler sampler = sampler_for(settings, data);
  const auto order = sampler.epoch_order(0);
  std::int64_t both = 0;
  for (std::int64_t step = 0; step < sampler.steps(); ++step) {
    const auto [first, last] = sampler.global_batch(step);
    std::set<std::int64_t> widths;
    for (auto i = first; i < last; ++i)
      widths.insert(data.train->extent(order[static_cast<std::size_t>(i)].sample).width);
    both += widths.size() > 1 ? 1 : 0;
  }
  return both;
}

TEST(SamplerForTrial, GroupsByAspectRatioWhereTheStudySaysIt) {
  const std::string file = write_two_shapes();
  EXPECT_GE(batches_of_both_shapes(file, ""), 3);
  EXPECT_LE(batches_of_both_shapes(file, "group_by = \"aspect_ratio\"\n"), 1);
}

TEST(SamplerForTrial, GroupsByTheShapesAfterResize) {
  const std::string file = write_two_shapes();
  EXPECT_EQ(batches_of_both_shapes(
                file, "resize = \"pad\"\nsize = [64, 64]\ngroup_by = \"aspect_ratio\"\n"),
            0)
      << "all are 64 wide";
}

}  // namespace
}  // namespace medsweep::runner
