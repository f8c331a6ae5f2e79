#include "datasets/inspect.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "datasets/data_file.h"
#include "datasets/stored_array.h"

namespace medsweep::datasets {
namespace {

constexpr std::int64_t kSampledPixels = std::int64_t{1} << 22;

/// Gathers sample by sample; finish() gives the inspection.
class Inspector {
 public:
  explicit Inspector(const DataFile& file);
  void add(const RawSample& sample);
  Inspection finish();

 private:
  void add_names(const SampleId& id);
  void add_size(const RawSample& sample);
  void add_labels(const RawSample& sample);
  void add_intensities(const torch::Tensor& image);
  void add_duplicates(const RawSample& sample);
  void suspect(const std::string& what, const std::string& sample);

  Inspection found_;
  std::int64_t pixels_per_image_;
  std::vector<std::vector<float>> intensities_;          // per channel
  std::vector<std::set<std::string>> cases_with_class_;  // per class
  std::set<std::string> cases_;
  std::map<std::string, std::string> groups_;        // patient -> group
  std::map<std::string, std::string> image_owners_;  // digest of the pixels -> first sample's name
};

Inspector::Inspector(const DataFile& file) {
  found_.path = file.path();
  found_.name = file.name();
  found_.digest = file.digest();
  found_.bytes = static_cast<std::int64_t>(std::filesystem::file_size(file.path()));
  found_.channels = file.channels();
  for (const std::string& name : file.classes()) found_.classes.push_back({.name = name});
  const auto samples = std::max<std::int64_t>(std::ssize(file.samples()), 1);
  pixels_per_image_ = std::clamp<std::int64_t>(kSampledPixels / samples, 64, 4096);
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
  const auto [known, is_new] = groups_.emplace(id.patient, id.group);
  if (!is_new && known->second != id.group) suspect("patient in two groups", id.name);
}

void Inspector::add_size(const RawSample& sample) {
  const Extent size{sample.image.size(1), sample.image.size(2)};
  if (found_.samples == 0) found_.smallest = found_.largest = size;
  found_.smallest = {std::min(found_.smallest.height, size.height),
                     std::min(found_.smallest.width, size.width)};
  found_.largest = {std::max(found_.largest.height, size.height),
                    std::max(found_.largest.width, size.width)};
  ++found_.types[type_name(sample.image.scalar_type())];
  const std::vector<double>& spacing = sample.id.spacing;
  for (std::size_t axis = 0; axis < spacing.size(); ++axis) {
    if (found_.spacing.size() <= axis) found_.spacing.push_back({spacing[axis], spacing[axis]});
    auto& [least, most] = found_.spacing[axis];
    least = std::min(least, spacing[axis]);
    most = std::max(most, spacing[axis]);
  }
}

void Inspector::add_labels(const RawSample& sample) {
  const torch::Tensor inside = sample.field_of_view.defined()
                                   ? sample.field_of_view.ne(0)
                                   : torch::ones_like(sample.labels, torch::kBool);
  found_.pixels += sample.labels.numel();
  found_.counted_pixels += inside.sum().item<std::int64_t>();
  const torch::Tensor counts = torch::bincount(sample.labels.flatten().to(torch::kInt64), {}, 256);
  for (std::size_t i = 0; i < found_.classes.size(); ++i) {
    const auto count = counts[static_cast<std::int64_t>(i) + 1].item<std::int64_t>();
    if (count == 0) continue;
    found_.classes[i].pixels += count;
    ++found_.classes[i].samples;
    cases_with_class_[i].insert(sample.id.case_name);
  }
  if (sample.labels.max().item<int>() == 0) suspect("no label at all", sample.id.name);
  if (sample.labels.ne(0).logical_and(inside.logical_not()).any().item<bool>())
    suspect("labels outside the field of view", sample.id.name);
}

void Inspector::add_intensities(const torch::Tensor& image) {
  const torch::Tensor flat = image.flatten(1).to(torch::kFloat32);  // [C, H * W]
  const std::int64_t pixels = flat.size(1);
  const std::int64_t count = std::min(pixels, pixels_per_image_);
  for (std::int64_t channel = 0; channel < flat.size(0); ++channel) {
    const float* const values = flat[channel].const_data_ptr<float>();
    for (std::int64_t i = 0; i < count; ++i)
      intensities_[static_cast<std::size_t>(channel)].push_back(values[i * pixels / count]);
  }
}

void Inspector::add_duplicates(const RawSample& sample) {
  Sha256 digest;
  const std::span<const std::uint8_t> bytes = element_bytes(sample.image);
  digest.update(bytes.data(), bytes.size());
  const auto [owner, is_new] = image_owners_.emplace(digest.hex(), sample.id.name);
  if (!is_new) suspect(fmt::format("same pixels as {}", owner->second), sample.id.name);
}

void Inspector::add(const RawSample& sample) {
  add_names(sample.id);
  add_size(sample);
  add_labels(sample);
  add_intensities(sample.image);
  add_duplicates(sample);
  if (sample.image.min().equal(sample.image.max())) suspect("image of one value", sample.id.name);
  if (sample.id.spacing.empty()) suspect("spacing unknown: no distances in mm", sample.id.name);
  ++found_.samples;
}

Inspection Inspector::finish() {
  found_.cases = std::ssize(cases_);
  found_.patients = std::ssize(groups_);
  for (const auto& [patient, group] : groups_) ++found_.groups[group];
  for (std::size_t i = 0; i < found_.classes.size(); ++i) {
    found_.classes[i].cases = std::ssize(cases_with_class_[i]);
    if (found_.classes[i].pixels == 0)
      found_.suspicions.push_back(
          {fmt::format("class {} never occurs", found_.classes[i].name), {}});
  }
  for (std::vector<float>& values : intensities_) {
    std::ranges::sort(values);
    std::array<double, 5> at{};
    for (std::size_t i = 0; i < at.size(); ++i)
      at[i] = static_cast<double>(values[static_cast<std::size_t>(
          std::lround(kPercentiles[i] / 100 * static_cast<double>(values.size() - 1)))]);
    found_.percentiles.push_back(at);
  }
  return std::move(found_);
}

}  // namespace

Inspection inspect(const std::filesystem::path& path) {
  const DataFile file(path);
  Inspector inspector(file);
  for (std::int64_t i = 0; i < std::ssize(file.samples()); ++i) {
    const RawSample sample = file.read(i);
    if (digest_of(sample) != file.sample_digest(i))
      throw std::runtime_error(
          fmt::format("[{}] sample '{}' was changed since it was prepared: its digest differs",
                      path.string(), sample.id.name));
    inspector.add(sample);
  }
  return inspector.finish();
}

}  // namespace medsweep::datasets
