#include "datasets/converters/manifest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "datasets/converters/dicom_image.h"
#include "datasets/converters/dicom_notes.h"
#include "datasets/converters/manifest_sample.h"
#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/source_tree.h"
#include "datasets/converters/volume_item.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

fs::path manifest_path(const ConverterOptions& options) {
  if (!options.annotations.empty()) return options.annotations;
  if (!fs::is_directory(options.source)) return options.source;
  for (const char* name : {"manifest.csv", "manifest.json", "datalist.csv", "datalist.json"})
    if (fs::exists(options.source / name)) return options.source / name;
  throw std::invalid_argument(
      fmt::format("[{}] no manifest.csv, manifest.json or datalist.json in it; --annotations names "
                  "a table of another name",
                  options.source.string()));
}

ColorKind manifest_color(const std::string& color) {
  if (color.empty()) return ColorKind::kStored;
  if (color != "rgb" && color != "gray")
    throw std::invalid_argument(fmt::format("[color] '{}'; rgb and gray are allowed", color));
  return color == "rgb" ? ColorKind::kRgb : ColorKind::kGray;
}

LabelMap manifest_labels(const Manifest& manifest, const ConverterOptions& options) {
  if (!options.label_map.empty() || !manifest.labels.empty()) {
    const LabelMap map =
        options.label_map.empty() ? LabelMap(manifest.labels) : read_label_map(options.label_map);
    return options.classes.empty() ? map : map.only(options.classes);
  }
  if (!options.classes.empty()) return LabelMap::consecutive(options.classes);
  return LabelMap({{1, "foreground"}, {255, "foreground"}});
}

std::vector<std::string> object_classes(const Manifest& manifest, const ConverterOptions& options) {
  if (!options.label_map.empty())
    throw std::invalid_argument(
        fmt::format("[{}] a label map, but the manifest's masks show one object each; it is for "
                    "masks of label codes",
                    options.label_map.string()));
  for (const std::string& name : options.classes)
    if (std::ranges::find(manifest.classes, name) == manifest.classes.end())
      throw std::invalid_argument(fmt::format("[classes] no class '{}'; there are {}", name,
                                              fmt::join(manifest.classes, ", ")));
  return options.classes.empty() ? manifest.classes : options.classes;
}

/// Of the first entry whose images can be read; the others tell what is wrong when they are.
std::int64_t first_channels(const std::vector<ManifestEntry>& entries,
                            const AnyImageOptions& options) {
  for (const ManifestEntry& entry : entries) {
    try {
      std::int64_t channels = 0;
      for (const fs::path& image : entry.images)
        channels += read_any_image(image, options).voxels.size(0);
      return channels;
    } catch (const std::exception&) {
      continue;
    }
  }
  return 1;
}

auto patient_namer_of(const ConverterOptions& options) {
  return
      [hash = PatientHash(options), name_of = patient_namer(options), expression = options.patient](
          const std::string& said, const std::string& sample, const std::string& identity) {
        if (!said.empty()) return hash(said);
        if (!expression.empty()) return name_of(patient_of(sample, expression));
        return identity.empty() ? name_of(sample) : hash(identity);
      };
}

/// The files of an entry, all there.
std::vector<fs::path> files_of_entry(const ManifestEntry& entry) {
  std::vector<fs::path> files = entry.images;
  for (const ManifestMask& mask : entry.masks) files.push_back(mask.path);
  for (const fs::path& file : files)
    if (!fs::is_regular_file(file))
      throw std::invalid_argument(fmt::format("{} [{}] no such file", entry.place, file.string()));
  return files;
}

void add_manifest_items(ConversionPlan& plan, const std::vector<ManifestEntry>& entries,
                        const std::shared_ptr<const ManifestReading>& reading,
                        const fs::path& path) {
  for (const ManifestEntry& entry : entries) {
    ConversionItem item{.name = entry.sample, .files = files_of_entry(entry)};
    item.files.push_back(path);
    item.read = [entry, reading] { return read_manifest_entry(entry, *reading); };
    plan.items.push_back(std::move(item));
  }
}

bool may_be_dicom(const fs::path& path) {
  const std::string ending = ending_of(path);
  return (ending.empty() || ending == ".dcm") && is_dicom(path);
}

/// Those whose files are there; the others are refused.
std::vector<ManifestEntry> sound_entries(ConversionPlan& plan, Manifest& manifest,
                                         const ConverterOptions& options) {
  for (const std::string& error : manifest.errors) refuse_part(plan, options, error);
  std::vector<ManifestEntry> entries;
  for (ManifestEntry& entry : manifest.entries)
    plan_part(plan, options, [&] {
      files_of_entry(entry);
      entries.push_back(std::move(entry));
    });
  return entries;
}

}  // namespace

ConversionPlan plan_manifest(const ConverterOptions& options) {
  check_window(options.window);
  const fs::path path = manifest_path(options);
  Manifest manifest = read_manifest(path);
  ConversionPlan plan;
  const std::vector<ManifestEntry> entries = sound_entries(plan, manifest, options);
  auto reading = std::make_shared<ManifestReading>();
  reading->image = {.dimension = dimension_of(options, 2),
                    .color = manifest_color(options.color),
                    .window = options.window};
  reading->spacing = options.spacing;
  reading->masks = manifest.masks;
  reading->channels = first_channels(entries, reading->image);
  reading->patient = patient_namer_of(options);
  plan.header.name = plain_name(stem_of(path));
  plan.header.channels = reading->channels;
  plan.header.dimension = reading->image.dimension;
  if (manifest.masks == ManifestMasks::kObjects) {
    plan.header.classes = object_classes(manifest, options);
  } else {
    const auto labels = std::make_shared<LabelMap>(manifest_labels(manifest, options));
    plan.header.classes = labels->classes();
    plan.header.label_codes = labels->codes();
    reading->labels = labels;
  }
  reading->classes = plan.header.classes;
  add_manifest_items(plan, entries, reading, path);
  note_names(plan, manifest.ignored_columns, "columns are not read");
  std::vector<fs::path> dicom;
  for (const ManifestEntry& entry : entries)
    std::ranges::copy_if(entry.images, std::back_inserter(dicom), may_be_dicom);
  note_burned_in(plan, dicom);
  return plan;
}

}  // namespace medsweep::datasets
