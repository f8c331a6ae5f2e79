#include "runner/trial_data.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/digest.h"
#include "datasets/color_mode.h"
#include "datasets/staging.h"
#include "runner/trial_augmentation.h"
#include "runner/trial_rcnn.h"

namespace medsweep::runner {
namespace {

using datasets::DataPool;
using datasets::SampleMode;
using datasets::SegmentationDataset;
using Json = nlohmann::json;

datasets::SplitPart part_from(const Json& value) {
  if (value.is_string()) return datasets::source_is(value.get<std::string>());
  if (value.is_array()) return value.get<std::vector<std::string>>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  return std::monostate{};
}

datasets::SplitOptions split_options(const TrialSettings& settings) {
  datasets::SplitOptions options;
  const Json& split = settings.split;
  if (split.contains("test")) options.test = part_from(split.at("test"));
  if (split.contains("validation")) {
    const Json& validation = split.at("validation");
    if (validation.is_object() && validation.at("folds").is_string())
      options.fold_source = datasets::FoldSource::kFile;
    else if (validation.is_object())
      options.folds = validation.at("folds").get<std::int64_t>();
    else
      options.validation = part_from(validation);
  }
  options.by = datasets::split_unit(split.value("by", std::string("patient")));
  options.stratify = split.value("stratify", std::string());
  options.seed = split.value("seed", std::uint64_t{0});
  return options;
}

std::shared_ptr<DataPool> open_pool(const std::vector<DataSource>& sources,
                                    const TrialSettings& settings,
                                    std::vector<std::string>& notes) {
  std::vector<datasets::PoolMember> members;
  const auto annotation =
      finds_objects(settings) ? datasets::Annotation::kObjects : datasets::Annotation::kLabels;
  for (const DataSource& source : sources) {
    const datasets::Staged staged = datasets::stage_file(source.file, settings.stage);
    if (!staged.note.empty()) notes.push_back(staged.note);
    members.push_back(datasets::pool_member(std::make_shared<const datasets::DataFile>(staged.path),
                                            source.weight, annotation));
    members.back().name = std::filesystem::path(source.file).stem().string();
  }
  const double bytes = settings.cache == "none" ? 0 : settings.cache_gib * (1 << 30);
  return std::make_shared<DataPool>(std::move(members), static_cast<std::int64_t>(bytes));
}

/// Takes the samples that nobody has labelled out of the parts.
void leave_out_unlabelled(const DataPool& pool, datasets::Split& split,
                          std::vector<std::string>& notes) {
  std::size_t left_out = 0;
  for (std::vector<std::int64_t>* part : {&split.train, &split.validation, &split.test})
    left_out += std::erase_if(*part, [&](std::int64_t index) { return !pool.labelled(index); });
  if (left_out > 0)
    notes.push_back(fmt::format("{} samples without labels are left out", left_out));
  if (split.train.empty())
    throw std::invalid_argument("[dataset] no sample with labels to train on");
}

/// The samples of an independent test file that somebody has labelled.
std::vector<std::int64_t> labelled_of(const DataPool& pool, const std::string& file,
                                      std::vector<std::string>& notes) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < std::ssize(pool.samples()); ++i)
    if (pool.labelled(i)) indices.push_back(i);
  if (indices.empty())
    throw std::invalid_argument(fmt::format("[evaluate] {}: no sample with labels", file));
  if (indices.size() < pool.samples().size())
    notes.push_back(fmt::format("{}: {} samples without labels are left out", file,
                                pool.samples().size() - indices.size()));
  return indices;
}

/// The independent test files of [evaluate].
void add_other_datasets(const TrialSettings& settings, const datasets::SampleOptions& options,
                        TrialData& data) {
  for (const std::string& file : settings.evaluate.datasets) {
    const auto pool = open_pool({{file, 1}}, settings, data.notes);
    const std::string name = std::filesystem::path(file).filename().string();
    data.test.push_back(
        {"test", name,
         std::make_shared<SegmentationDataset>(pool, labelled_of(*pool, name, data.notes), options,
                                               SampleMode::kEvaluate)});
  }
}

}  // namespace

datasets::Extent extent_from(const std::vector<std::int64_t>& sides) {
  if (sides.size() == 3) return {sides[1], sides[2], sides[0]};
  return sides.size() == 2 ? datasets::Extent{sides[0], sides[1]} : datasets::Extent{};
}

datasets::SampleOptions sample_options(const TrialSettings& settings) {
  datasets::SampleOptions options;
  options.color_mode = settings.color_mode;
  options.normalization = settings.normalize;
  options.classes = settings.classes;
  options.tasks = settings.tasks.get<std::vector<std::vector<std::string>>>();
  if (finds_objects(settings)) options.objects = datasets::object_source(settings.objects);
  options.mini_masks = mini_mask_size(settings);
  options.augmentation = make_augmentation(settings.augmentation);
  options.resize = datasets::resize_mode(settings.resize);
  options.size = extent_from(settings.size);
  options.patch = {extent_from(settings.patch), settings.foreground, settings.patches_per_image};
  options.seed = static_cast<std::uint64_t>(settings.seed);
  return options;
}

TrialData open_trial_data(const TrialSettings& settings) {
  TrialData data;
  data.pool = open_pool(settings.dataset, settings, data.notes);
  data.split = datasets::split(data.pool->samples(), split_options(settings), settings.fold);
  leave_out_unlabelled(*data.pool, data.split, data.notes);
  const datasets::SampleOptions options = sample_options(settings);
  const DataPool::Drawing drawing = data.pool->drawing(data.split.train);
  data.train = std::make_shared<SegmentationDataset>(data.pool, drawing.indices, options,
                                                     SampleMode::kTrain);
  data.shares = drawing.shares;
  for (const auto& [task, classes] : data.train->tasks())
    data.classes.insert(data.classes.end(), classes.begin(), classes.end());
  data.shape = {data.train->channels(), static_cast<std::int64_t>(data.classes.size()),
                data.train->regions()};
  datasets::SampleOptions others = options;
  if (others.tasks.empty()) others.classes = data.classes;
  const auto set = [&](const std::vector<std::int64_t>& indices) {
    return std::make_shared<SegmentationDataset>(data.pool, indices, others, SampleMode::kEvaluate);
  };
  if (!data.split.validation.empty())
    data.validation.push_back({"validation", "", set(data.split.validation)});
  if (!data.split.test.empty()) data.test.push_back({"test", "", set(data.split.test)});
  add_other_datasets(settings, others, data);
  return data;
}

std::string split_name(const TrialSettings& settings) {
  std::string files;
  for (const DataSource& source : settings.dataset) files += source.file + "\n";
  return sha256_hex(fmt::format("{}{}fold {}", files, settings.split.dump(), settings.fold))
      .substr(0, 16);
}

void record_split(const TrialData& data, const TrialSettings& settings, TrialReport& report) {
  if (!report.writes()) return;
  const auto record_file = [&](const std::string& file, const std::string& dataset) {
    const auto summary = datasets::summarize(file);
    if (summary)
      report.append(results::DataRecord{settings.identity, dataset, file, summary->digest});
  };
  for (const DataSource& source : settings.dataset) record_file(source.file, "");
  for (const std::string& file : settings.evaluate.datasets)
    record_file(file, std::filesystem::path(file).filename().string());
  const std::string split = split_name(settings);
  const auto record = [&](const std::vector<std::int64_t>& indices, const char* part) {
    for (const std::int64_t index : indices) {
      const auto& id = data.pool->samples()[static_cast<std::size_t>(index)];
      report.append(results::SplitRecord{split, id.name, id.patient, part});
    }
  };
  record(data.split.train, "train");
  record(data.split.validation, "validation");
  record(data.split.test, "test");
}

}  // namespace medsweep::runner
