#include "datasets/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "datasets/data_file.h"
#include "datasets/in_parallel.h"
#include "datasets/inspect_sample.h"

namespace medsweep::datasets {
namespace {

constexpr std::int64_t kSampledPixels = std::int64_t{1} << 22;

/// Gathers sample by sample; finish() gives the inspection.
class Inspector {
 public:
  explicit Inspector(const DataFile& file);
  void add(std::int64_t index, SampleFacts& facts);
  Inspection finish();

 private:
  void add_names(const SampleId& id);
  void add_size(const SampleId& id, const Extent& size);
  void add_labels(const SampleId& id, const SampleFacts& facts);
  void suspect(const std::string& what, const std::string& sample);

  const DataFile& file_;
  Inspection found_;
  std::vector<std::vector<float>> intensities_;          // per channel
  std::vector<std::set<std::string>> cases_with_class_;  // per class
  std::set<std::string> cases_;
  std::map<std::string, std::string> groups_;        // patient -> group
  std::map<std::string, std::string> image_owners_;  // digest of the pixels -> first sample's name
};

Inspector::Inspector(const DataFile& file) : file_(file) {
  found_.path = file.path();
  found_.name = file.name();
  found_.digest = file.digest();
  found_.bytes = static_cast<std::int64_t>(std::filesystem::file_size(file.path()));
  found_.channels = file.channels();
  found_.dimension = file.header().dimension;
  for (const std::string& name : file.classes()) found_.classes.push_back({.name = name});
  intensities_.resize(static_cast<std::size_t>(file.channels()));
  cases_with_class_.resize(file.classes().size());
}

void Inspector::suspect(const std::string& what, const std::string& sample) {
  for (Suspicion& suspicion : found_.suspicions)
    if (suspicion.what == what) return suspicion.samples.push_back(sample);
  found_.suspicions.push_back({what, {sample}});
}

void Inspector::add_names(const SampleId& id) {
  cases_.insert(id.case_name);
  ++found_.sources[id.source];
  if (id.fold >= 0) ++found_.folds[id.fold];
  const auto [known, is_new] = groups_.emplace(id.patient, id.group);
  if (!is_new && known->second != id.group) suspect("patient in two groups", id.name);
}

void Inspector::add_size(const SampleId& id, const Extent& size) {
  Extent &smallest = found_.smallest, &largest = found_.largest;
  if (found_.samples == 0) smallest = largest = size;
  smallest = {std::min(smallest.height, size.height), std::min(smallest.width, size.width),
              std::min(smallest.depth, size.depth)};
  largest = {std::max(largest.height, size.height), std::max(largest.width, size.width),
             std::max(largest.depth, size.depth)};
  for (std::size_t axis = 0; axis < id.spacing.size(); ++axis) {
    if (found_.spacing.size() <= axis)
      found_.spacing.push_back({id.spacing[axis], id.spacing[axis]});
    auto& [least, most] = found_.spacing[axis];
    least = std::min(least, id.spacing[axis]);
    most = std::max(most, id.spacing[axis]);
  }
}

void Inspector::add_labels(const SampleId& id, const SampleFacts& facts) {
  found_.has_instances |= facts.has_instances;
  found_.unlabelled += facts.has_labels || facts.has_instances ? 0 : 1;
  found_.labelled_slices += facts.slices;
  found_.empty_slices += facts.empty_slices;
  found_.pixels += facts.pixels;
  found_.counted_pixels += facts.counted_pixels;
  for (std::size_t i = 0; i < found_.classes.size(); ++i) {
    const auto& [pixels, instances, crowds] = facts.classes[i];
    if (pixels == 0 && instances == 0) continue;
    ClassCount& count = found_.classes[i];
    count.pixels += pixels;
    count.instances += instances;
    count.crowds += crowds;
    ++count.samples;
    cases_with_class_[i].insert(id.case_name);
  }
}

void Inspector::add(std::int64_t index, SampleFacts& facts) {
  const SampleId& id = file_.samples()[static_cast<std::size_t>(index)];
  add_names(id);
  add_size(id, file_.sizes()[static_cast<std::size_t>(index)]);
  add_labels(id, facts);
  ++found_.types[facts.type];
  for (const std::string& name : facts.arrays) ++found_.arrays[name];
  for (std::size_t channel = 0; channel < facts.intensities.size(); ++channel)
    std::ranges::move(facts.intensities[channel], std::back_inserter(intensities_[channel]));
  for (const std::string& what : facts.suspicions) suspect(what, id.name);
  const auto [owner, is_new] = image_owners_.emplace(facts.image_digest, id.name);
  if (!is_new) suspect(fmt::format("same pixels as {}", owner->second), id.name);
  ++found_.samples;
}

Inspection Inspector::finish() {
  found_.cases = std::ssize(cases_);
  found_.patients = std::ssize(groups_);
  for (const auto& [patient, group] : groups_) ++found_.groups[group];
  for (std::size_t i = 0; i < found_.classes.size(); ++i) {
    found_.classes[i].cases = std::ssize(cases_with_class_[i]);
    if (found_.classes[i].samples == 0 && found_.unlabelled < found_.samples)
      found_.suspicions.push_back(
          {fmt::format("class {} never occurs", found_.classes[i].name), {}});
  }
  for (std::vector<float>& values : intensities_) {
    std::ranges::sort(values);
    std::array<double, 5> at{};
    for (std::size_t i = 0; i < at.size() && !values.empty(); ++i)
      at[i] = static_cast<double>(values[static_cast<std::size_t>(
          std::lround(kPercentiles[i] / 100 * static_cast<double>(values.size() - 1)))]);
    found_.percentiles.push_back(at);
  }
  return std::move(found_);
}

/// Reads a sample and holds it against its digest.
SampleFacts examine_at(const DataFile& file, std::int64_t index, std::int64_t intensities) {
  const RawSample sample = file.read(index);
  if (digest_of(sample) != file.sample_digest(index))
    throw std::runtime_error(
        fmt::format("[{}] sample '{}' was changed since it was prepared: its digest differs",
                    file.path().string(), sample.id.name));
  return examine(sample, std::ssize(file.classes()), intensities);
}

}  // namespace

Inspection inspect(const std::filesystem::path& path, std::int64_t threads) {
  const DataFile file(path);
  const auto samples = std::ssize(file.samples());
  const std::int64_t intensities =
      std::clamp<std::int64_t>(kSampledPixels / std::max<std::int64_t>(samples, 1), 64, 4096);
  std::vector<SampleFacts> facts(static_cast<std::size_t>(samples));
  in_parallel(samples, threads, [&](std::int64_t i) {
    facts[static_cast<std::size_t>(i)] = examine_at(file, i, intensities);
  });
  Inspector inspector(file);
  for (std::int64_t i = 0; i < samples; ++i) inspector.add(i, facts[static_cast<std::size_t>(i)]);
  return inspector.finish();
}

}  // namespace medsweep::datasets
