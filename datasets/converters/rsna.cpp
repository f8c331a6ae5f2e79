#include "datasets/converters/rsna.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include "datasets/converters/dicom_image.h"
#include "datasets/converters/dicom_notes.h"
#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/rsna_table.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr double kBeyond = 1;  // pixels that a box may reach out of its image

/// First and last + 1 pixel of [first, second), whose centres lie within; at least one.
std::pair<std::int64_t, std::int64_t> rsna_pixels(float first, float second, std::int64_t size) {
  const auto begin = std::min(static_cast<std::int64_t>(std::lround(first)), size - 1);
  return {begin, std::clamp(static_cast<std::int64_t>(std::lround(second)), begin + 1, size)};
}

/// x1, y1, x2, y2, cut to the image.
std::array<float, 4> rsna_corners(const RsnaBox& box, std::int64_t height, std::int64_t width,
                                  const fs::path& file) {
  const double x2 = box.x + box.width, y2 = box.y + box.height;
  const auto most_x = static_cast<double>(width), most_y = static_cast<double>(height);
  std::array corners{
      static_cast<float>(std::max(box.x, 0.0)), static_cast<float>(std::max(box.y, 0.0)),
      static_cast<float>(std::min(x2, most_x)), static_cast<float>(std::min(y2, most_y))};
  if (box.x < -kBeyond || box.y < -kBeyond || x2 > most_x + kBeyond || y2 > most_y + kBeyond ||
      corners[0] >= corners[2] || corners[1] >= corners[3])
    throw std::invalid_argument(
        fmt::format("{} a box from {}, {} to {}, {}; within the {} x {} pixels of {} is allowed",
                    box.place, box.x, box.y, x2, y2, width, height, file.filename().string()));
  return corners;
}

void set_rsna_boxes(RawSample& sample, const RsnaImage& image, const fs::path& file) {
  const std::int64_t height = sample.image.size(1), width = sample.image.size(2),
                     count = std::ssize(image.boxes);
  Instances& objects = sample.instances;
  objects.boxes = torch::zeros({count, 4}, torch::kFloat32);
  objects.labels = torch::ones({count}, torch::kUInt8);
  objects.ignore = torch::zeros({count}, torch::kUInt8);
  objects.masks = torch::zeros({count, height, width}, torch::kUInt8);
  sample.labels = torch::zeros({height, width}, torch::kUInt8);
  auto boxes = objects.boxes.accessor<float, 2>();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto corners =
        rsna_corners(image.boxes[static_cast<std::size_t>(i)], height, width, file);
    for (std::int64_t side = 0; side < 4; ++side)
      boxes[i][side] = corners[static_cast<std::size_t>(side)];
    const auto [x1, x2] = rsna_pixels(corners[0], corners[2], width);
    const auto [y1, y2] = rsna_pixels(corners[1], corners[3], height);
    objects.masks[i].slice(0, y1, y2).slice(1, x1, x2).fill_(1);
    sample.labels.slice(0, y1, y2).slice(1, x1, x2).fill_(1);
  }
}

RawSample read_rsna(const RsnaImage& image, const fs::path& file, const PatientHash& hash,
                    const std::vector<double>& window) {
  const DicomImage dicom = read_dicom(file, window);
  if (dicom.pixels.size(0) != 1)
    throw std::invalid_argument(
        fmt::format("[{}] {} channels; one is allowed", file.string(), dicom.pixels.size(0)));
  RawSample sample;
  sample.image = dicom.pixels;
  set_rsna_boxes(sample, image, file);
  sample.id.name = sample.id.case_name = plain_name(image.id);
  sample.id.patient = hash(dicom.identity.empty() ? image.id : dicom.identity);
  sample.id.group = image.group;
  sample.id.source = file.parent_path().filename().string();
  sample.id.spacing = dicom.spacing;
  return sample;
}

/// By the file's name without its ending.
std::map<std::string, fs::path> rsna_files(const fs::path& source) {
  const fs::path usual = source / "stage_2_train_images";
  const auto files = files_matching(files_below(fs::is_directory(usual) ? usual : source), "*.dcm");
  if (files.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no images; stage_2_train_images/*.dcm of the challenge are needed", source.string()));
  return files;
}

struct RsnaTables {
  fs::path labels, classes;
};

RsnaTables rsna_tables(const ConverterOptions& options) {
  RsnaTables tables{.labels = options.source / "stage_2_train_labels.csv",
                    .classes = options.source / "stage_2_detailed_class_info.csv"};
  if (!options.annotations.empty()) tables.labels = options.annotations;
  if (!fs::exists(tables.classes)) tables.classes.clear();
  return tables;
}

void note_rsna_rows(ConversionPlan& plan, const RsnaTable& table, std::int64_t without_file) {
  if (table.duplicates > 0)
    plan.notes.push_back(fmt::format("{} rows stand twice and count once, the first is {}",
                                     table.duplicates, table.first_duplicate));
  if (without_file > 0)
    plan.notes.push_back(
        fmt::format("{} images of the table have no file and are left out", without_file));
}

}  // namespace

ConversionPlan plan_rsna(const ConverterOptions& options) {
  check_window(options.window);
  auto files = rsna_files(options.source);
  const RsnaTables tables = rsna_tables(options);
  const RsnaTable table = read_rsna_table(tables.labels, tables.classes);
  ConversionPlan plan{.header = {.name = "rsna", .classes = {"lung_opacity"}}};
  for (const std::string& error : table.errors) refuse_part(plan, options, error);
  const PatientHash hash(options);
  std::vector<fs::path> used;
  for (const RsnaImage& image : table.images) {
    const auto file = files.find(image.id);
    if (file == files.end()) continue;
    used.push_back(file->second);
    ConversionItem item{.name = plain_name(image.id), .files = {file->second, tables.labels}};
    if (!tables.classes.empty()) item.files.push_back(tables.classes);
    item.read = [image, hash, path = file->second, window = options.window] {
      return std::vector{read_rsna(image, path, hash, window)};
    };
    plan.items.push_back(std::move(item));
    files.erase(file);
  }
  note_rsna_rows(plan, table, std::ssize(table.images) - std::ssize(plan.items));
  std::vector<std::string> without_row;
  for (const auto& [name, path] : files) without_row.push_back(path.filename().string());
  note_names(plan, without_row, "images have no sound row in the table and are left out");
  note_burned_in(plan, used);
  return plan;
}

}  // namespace medsweep::datasets
