#include "datasets/stored_case.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "datasets/export.h"

namespace medsweep::datasets {
namespace {

[[noreturn]] void refuse_case(const DataFile& file, const std::string& name,
                              const std::string& what) {
  throw std::invalid_argument(fmt::format("[{}] case {}: {}", file.path().string(), name, what));
}

void sort_slices(const DataFile& file, StoredCase& stored) {
  const auto slice_of = [&](std::int64_t sample) {
    return file.samples()[static_cast<std::size_t>(sample)].slice;
  };
  std::ranges::sort(stored.samples, {}, slice_of);
  for (std::size_t i = 1; i < stored.samples.size(); ++i)
    if (const std::int64_t slice = slice_of(stored.samples[i]);
        slice != slice_of(stored.samples[i - 1]) + 1)
      refuse_case(file, stored.name,
                  fmt::format("slice {} follows {}; consecutive slices are needed", slice,
                              slice_of(stored.samples[i - 1])));
}

/// Planes of all samples as one volume; undefined where none has any.
torch::Tensor stacked(const DataFile& file, const StoredCase& stored,
                      const std::vector<torch::Tensor>& planes) {
  const auto has_plane = [](const torch::Tensor& plane) { return plane.defined(); };
  if (std::ranges::none_of(planes, has_plane)) return {};
  if (!std::ranges::all_of(planes, has_plane))
    refuse_case(file, stored.name, "only some slices have labels; all or none are needed");
  return torch::stack(planes);
}

CaseVolume stacked_slices(const DataFile& file, const StoredCase& stored,
                          const std::vector<RawSample>& slices) {
  std::vector<torch::Tensor> images, labels, fields, second;
  for (const RawSample& slice : slices) {
    if (slice.image.sizes() != slices.front().image.sizes() ||
        slice.image.scalar_type() != slices.front().image.scalar_type())
      refuse_case(file, stored.name, "slices of several sizes or types; one is allowed");
    images.push_back(slice.image);
    labels.push_back(slice.labels);
    fields.push_back(slice.field_of_view);
    second.push_back(slice.second_observer);
  }
  return {.image = torch::stack(images, 1),
          .labels = stacked(file, stored, labels),
          .field_of_view = stacked(file, stored, fields),
          .second_observer = stacked(file, stored, second)};
}

}  // namespace

std::vector<StoredCase> cases_of(const DataFile& file) {
  std::vector<StoredCase> cases;
  std::map<std::string, std::size_t> places;
  std::set<std::string> names;
  for (const SampleId& id : file.samples()) {
    const std::string& whole = file.header().dimension == 3 ? id.name : id.case_name;
    const auto [place, is_new] = places.emplace(whole, cases.size());
    if (is_new) {
      cases.push_back({.name = exported_name(whole), .samples = {}});
      if (!names.insert(cases.back().name).second)
        refuse_case(file, whole, "another case has its name as a file's");
    }
    cases[place->second].samples.push_back(id.index);
  }
  for (StoredCase& stored : cases) sort_slices(file, stored);
  return cases;
}

CaseVolume read_case(const DataFile& file, const StoredCase& stored) {
  std::vector<RawSample> parts;
  for (const std::int64_t sample : stored.samples) parts.push_back(file.read(sample));
  CaseVolume made = file.header().dimension == 3
                        ? CaseVolume{.image = parts.front().image,
                                     .labels = parts.front().labels,
                                     .field_of_view = parts.front().field_of_view,
                                     .second_observer = parts.front().second_observer}
                        : stacked_slices(file, stored, parts);
  made.id = parts.front().id;
  made.geometry = {made.id.spacing, made.id.affine};
  // The volume's affine is of its slice 0: a volume that begins later begins elsewhere.
  if (file.header().dimension == 2 && made.id.slice != 0)
    made.geometry = regridded(made.geometry, {static_cast<double>(made.id.slice), 0, 0}, {1, 1, 1});
  made.has_instances =
      std::ranges::any_of(parts, [](const RawSample& part) { return part.instances.defined(); });
  return made;
}

}  // namespace medsweep::datasets
