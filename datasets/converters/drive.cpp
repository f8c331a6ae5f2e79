#include "datasets/converters/drive.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <regex>
#include <stdexcept>

#include "datasets/converters/image_files.h"
#include "datasets/data_file_writer.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

/// A retina and what was drawn on it.
struct Retina {
  std::string number, source;
  fs::path image, vessels, field_of_view;
};

std::vector<fs::path> find_halves(const fs::path& root) {
  const fs::path absolute = fs::weakly_canonical(root);
  std::vector<fs::path> halves;
  if (fs::is_directory(absolute / "images")) halves.push_back(absolute);
  for (const auto& entry : fs::recursive_directory_iterator(absolute))
    if (entry.is_directory() && fs::is_directory(entry.path() / "images"))
      halves.push_back(entry.path());
  std::ranges::sort(halves);
  if (halves.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no folder 'images' in it; the folder of DRIVE is needed", root.string()));
  return halves;
}

/// number -> file, for the files in a folder that match; the number is the first group.
std::map<std::string, fs::path> numbered_files(const fs::path& folder, const std::regex& pattern) {
  std::map<std::string, fs::path> files;
  if (!fs::is_directory(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    std::smatch match;
    if (std::regex_match(name, match, pattern)) files[match[1].str()] = entry.path();
  }
  return files;
}

fs::path mask_beside(const std::map<std::string, fs::path>& files, const std::string& number,
                     const fs::path& image, const std::string& expected) {
  const auto found = files.find(number);
  if (found == files.end())
    throw std::invalid_argument(
        fmt::format("[{}] has no mask: {} is missing", image.string(), expected));
  return found->second;
}

std::vector<Retina> find_retinas(const fs::path& half) {
  static const std::regex kImage("([0-9]+)_.*\\.tiff?"), kManual("([0-9]+)_manual1\\.gif"),
      kMask("([0-9]+)_.*mask\\.gif");
  const auto images = numbered_files(half / "images", kImage);
  const auto manuals = numbered_files(half / "1st_manual", kManual);
  const auto masks = numbered_files(half / "mask", kMask);
  if (images.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no images; NN_training.tif or NN_test.tif are needed", (half / "images").string()));
  std::vector<Retina> retinas;
  for (const auto& [number, image] : images)
    retinas.push_back(
        {.number = number,
         .source = half.filename().string(),
         .image = image,
         .vessels =
             mask_beside(manuals, number, image, fmt::format("1st_manual/{}_manual1.gif", number)),
         .field_of_view = mask_beside(masks, number, image,
                                      fmt::format("mask/{}_mask.gif", image.stem().string()))});
  return retinas;
}

torch::Tensor read_drive_rgb(const fs::path& path) {
  torch::Tensor image = read_image(path, ColorKind::kStored);
  if (image.scalar_type() != torch::kUInt8 || image.size(0) != 3)
    throw std::invalid_argument(
        fmt::format("[{}] {} channels, {} bytes each; RGB of 8 bits is allowed", path.string(),
                    image.size(0), image.element_size()));
  return image;
}

torch::Tensor read_drive_mask(const fs::path& path) {
  const torch::Tensor values = read_label_image(path);
  const torch::Tensor unknown = values.ne(0).logical_and(values.ne(255));
  if (unknown.any().item<bool>())
    throw std::invalid_argument(
        fmt::format("[{}] unknown label, grey level {}; 0 and 255 are allowed", path.string(),
                    values.masked_select(unknown)[0].item<int>()));
  return values.ne(0).to(torch::kUInt8);
}

torch::Tensor read_mask_of(const torch::Tensor& image, const fs::path& path,
                           const fs::path& image_path) {
  torch::Tensor mask = read_drive_mask(path);
  if (mask.size(0) != image.size(1) || mask.size(1) != image.size(2))
    throw std::invalid_argument(
        fmt::format("[{}] {} pixels, but its image {} has {} x {}; equal sizes are needed",
                    path.string(), fmt::join(mask.sizes(), " x "), image_path.filename().string(),
                    image.size(1), image.size(2)));
  return mask;
}

RawSample read_retina(const Retina& retina) {
  RawSample sample;
  sample.image = read_drive_rgb(retina.image);
  sample.labels = read_mask_of(sample.image, retina.vessels, retina.image);
  sample.field_of_view = read_mask_of(sample.image, retina.field_of_view, retina.image);
  sample.id.name = retina.number;
  sample.id.case_name = retina.number;
  sample.id.patient = retina.number;
  sample.id.source = retina.source;
  return sample;
}

}  // namespace

ConverterReport convert_drive(const ConverterOptions& options, const ConverterProgress& progress) {
  ConverterReport report;
  std::vector<Retina> retinas;
  for (const fs::path& half : find_halves(options.source)) {
    if (!fs::is_directory(half / "1st_manual")) {
      report.notes.push_back(
          fmt::format("{} has no 1st_manual: its images are left out", half.filename().string()));
      continue;
    }
    std::ranges::move(find_retinas(half), std::back_inserter(retinas));
  }
  if (retinas.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no masks: 1st_manual is missing", options.source.string()));
  DataFileWriter writer(options.output, {.name = "drive", .classes = {"vessel"}, .channels = 3});
  for (const Retina& retina : retinas) {
    if (progress) progress(writer.size(), std::ssize(retinas), retina.image.filename().string());
    writer.add(read_retina(retina));
  }
  report.digest = writer.finish();
  report.samples = writer.size();
  return report;
}

}  // namespace medsweep::datasets
