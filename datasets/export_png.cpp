#include "datasets/export_png.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <array>
#include <atomic>
#include <utility>

#include "base/files.h"
#include "datasets/converters/image_files.h"
#include "datasets/export_images.h"

namespace medsweep::datasets {
namespace {

/// As RFC 4180 has it.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n ") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text)
    quoted += letter == '"' ? std::string("\"\"") : std::string(1, letter);
  return quoted + "\"";
}

std::string files_field(const std::string& folder, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += fmt::format("{}{}/{}", text.empty() ? "" : " ", folder, name);
  return csv_field(text);
}

std::string sample_row(const SampleId& id, const SavedImage& saved, const std::string& mask) {
  std::string row = fmt::format(
      "{},{},{},{},{},{},{},{},{}", csv_field(id.name), files_field("images", saved.files),
      csv_field(mask), csv_field(id.case_name), csv_field(id.patient), csv_field(id.group),
      csv_field(id.source), id.slice, id.fold < 0 ? std::string() : std::to_string(id.fold));
  for (std::size_t axis = 0; axis < 3; ++axis)
    row += id.spacing.empty() ? "," : fmt::format(",{}", id.spacing[axis]);
  return row + fmt::format(",{},{}\n", saved.scale, saved.offset);
}

std::string class_rows(const DataFileHeader& header) {
  std::string text = "label,name\n";
  for (std::size_t i = 0; i < header.classes.size(); ++i)
    text += fmt::format("{},{}\n", i + 1, csv_field(header.classes[i]));
  return text;
}

constexpr const char* kSampleColumns =
    "sample,image,mask,case,patient,group,source,slice,fold,spacing_depth,spacing_height,"
    "spacing_width,scale,offset\n";

}  // namespace

ExportReport export_png(const DataFile& file, const std::filesystem::path& folder,
                        const ExportProgress& progress) {
  std::vector<std::string> rows(file.samples().size());
  std::atomic<std::int64_t> files = 2;
  std::atomic<bool> objects = false;
  for (const char* name : {"images", "labels", "field_of_view", "second_observer"})
    std::filesystem::create_directory(folder / name);
  const auto save = [&](std::int64_t index, const RawSample& sample, const std::string& name) {
    const SavedImage saved = save_exact(folder / "images", name, sample.image);
    files += std::ssize(saved.files);
    const std::array planes{std::pair{"labels", &sample.labels},
                            std::pair{"field_of_view", &sample.field_of_view},
                            std::pair{"second_observer", &sample.second_observer}};
    for (const auto& [kind, plane] : planes) {
      if (!plane->defined()) continue;
      write_png(folder / kind / (name + ".png"), *plane);
      ++files;
    }
    const std::string mask = sample.labels.defined() ? fmt::format("labels/{}.png", name) : "";
    rows[static_cast<std::size_t>(index)] = sample_row(sample.id, saved, mask);
    if (sample.instances.defined()) objects = true;
  };
  for_each_image(file, "png", progress, save);
  for (const char* name : {"labels", "field_of_view", "second_observer"})
    if (std::filesystem::is_empty(folder / name)) std::filesystem::remove(folder / name);
  std::string table = kSampleColumns;
  for (const std::string& row : rows) table += row;
  write_file_atomically(folder / "samples.csv", table);
  write_file_atomically(folder / "classes.csv", class_rows(file.header()));
  ExportReport report{.samples = std::ssize(rows), .files = files};
  if (objects)
    report.notes.emplace_back(
        "boxes and masks of single objects are not in the format; coco has them");
  return report;
}

}  // namespace medsweep::datasets
