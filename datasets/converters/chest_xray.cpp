#include "datasets/converters/chest_xray.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>
#include <tuple>

#include "datasets/converters/image_files.h"
#include "datasets/converters/lung_labels.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

/// An X-ray and where it lay.
struct ChestImage {
  fs::path path, mask;  // no mask: empty
  std::string source, group, name;
};

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_split_folder(const std::string& folder) {
  static const std::set<std::string> kSplits{"train", "training",   "val",   "valid",
                                             "test",  "validation", "tests", "testing"};
  return kSplits.contains(in_lower_case(folder));
}

bool is_picture(const fs::path& path) {
  static const std::set<std::string> kEndings{".png", ".jpg",  ".jpeg", ".bmp",
                                              ".tif", ".tiff", ".pgm"};
  return kEndings.contains(ending_of(path));
}

/// Class and source out of the folders below the root, from the innermost on.
ChestImage placed(const fs::path& path, const fs::path& root) {
  ChestImage image{.path = path, .mask = {}, .source = {}, .group = {}, .name = {}};
  fs::path folder = path.parent_path();
  if (in_lower_case(folder.filename().string()) == "images") folder = folder.parent_path();
  for (; folder != root && folder.has_relative_path(); folder = folder.parent_path()) {
    const std::string name = folder.filename().string();
    if (is_split_folder(name) && image.source.empty())
      image.source = plain_name(name);
    else if (!is_split_folder(name) && image.group.empty())
      image.group = plain_name(name);
  }
  return image;
}

std::string joined(const ChestImage& image, const std::string& last) {
  std::string name;
  for (const std::string& part : {image.source, image.group})
    if (!part.empty()) name += part + "_";
  return name + plain_name(last);
}

[[noreturn]] void refuse_namesakes(const fs::path& one, const fs::path& other) {
  throw std::invalid_argument(fmt::format("[{}] has the name of {}; different names are needed",
                                          other.string(), one.string()));
}

/// Leaves out copies: sets are distributed with a second tree of themselves inside.
std::vector<ChestImage> without_copies(std::vector<ChestImage> images,
                                       std::vector<std::string>& notes) {
  std::map<std::tuple<std::string, std::string, std::string>, fs::path> known;
  const std::size_t copies = std::erase_if(images, [&](const ChestImage& image) {
    const auto [found, is_new] = known.emplace(
        std::tuple(image.source, image.group, image.path.filename().string()), image.path);
    if (!is_new && fs::file_size(found->second) != fs::file_size(image.path))
      refuse_namesakes(found->second, image.path);
    return !is_new;
  });
  if (copies > 0)
    notes.push_back(fmt::format("{} files are there twice: their copies are left out", copies));
  return images;
}

/// By the file's stem; by its whole name where "94.png" lies beside "94.jpg".
void set_names(std::vector<ChestImage>& images) {
  std::map<std::string, int> uses;
  for (const ChestImage& image : images) ++uses[joined(image, stem_of(image.path))];
  std::map<std::string, fs::path> owners;
  for (ChestImage& image : images) {
    image.name = joined(image, stem_of(image.path));
    if (uses.at(image.name) > 1) image.name = joined(image, image.path.filename().string());
    const auto [owner, is_new] = owners.emplace(image.name, image.path);
    if (!is_new) refuse_namesakes(owner->second, image.path);
  }
}

/// images/x.png -> masks/x.png, whatever the mask's ending.
void set_masks(std::vector<ChestImage>& images, const std::vector<fs::path>& mask_files) {
  std::map<std::string, fs::path> masks;  // folder above "masks" and stem -> file
  std::set<std::string> masked_folders;
  const auto key = [](const fs::path& file) {
    return (file.parent_path().parent_path() / stem_of(file)).string();
  };
  for (const fs::path& mask : mask_files) {
    masks[key(mask)] = mask;
    masked_folders.insert(mask.parent_path().parent_path().string());
  }
  for (ChestImage& image : images) {
    if (!masked_folders.contains(image.path.parent_path().parent_path().string())) continue;
    const auto found = masks.find(key(image.path));
    if (found == masks.end())
      throw std::invalid_argument(
          fmt::format("[{}] has no mask: masks/{} is missing beside its folder",
                      image.path.string(), image.path.filename().string()));
    image.mask = found->second;
    masks.erase(found);
  }
}

void check_masks_used(const std::vector<ChestImage>& images,
                      const std::vector<fs::path>& mask_files) {
  std::set<fs::path> used;
  for (const ChestImage& image : images) used.insert(image.mask);
  for (const fs::path& mask : mask_files)
    if (!used.contains(mask))
      throw std::invalid_argument(fmt::format(
          "[{}] a mask without an image; one of its name in images is needed", mask.string()));
}

/// The person in a file's name, as the public sets have them; the name itself where it tells none.
std::string person_of(const std::string& stem) {
  static const std::array kKnown{std::regex("(person[0-9]+)_.*"),
                                 std::regex("((?:NORMAL2-)?IM-[0-9]+)-.*"),
                                 std::regex("(COVID-[0-9]+)[a-z]")};
  std::smatch match;
  for (const std::regex& pattern : kKnown)
    if (std::regex_match(stem, match, pattern)) return match[1].str();
  return stem;
}

std::string patient_in(const ChestImage& image, const ConverterOptions& options) {
  const std::string stem = stem_of(image.path);
  return options.patient.empty() ? joined(image, person_of(stem))
                                 : patient_of(stem, options.patient);
}

/// A mask of another size than its image but of its shape, brought to it.
torch::Tensor fitted_mask(const ChestImage& image, std::int64_t height, std::int64_t width) {
  torch::Tensor mask = read_mask(image.mask);
  if (mask.size(0) == height && mask.size(1) == width) return mask;
  const double stretch =
      static_cast<double>(mask.size(0) * width) / static_cast<double>(mask.size(1) * height);
  if (std::abs(stretch - 1) > 0.02)
    throw std::invalid_argument(fmt::format(
        "[{}] {} x {} pixels, but its image {} has {} x {}; sizes of one shape are needed",
        image.mask.string(), mask.size(0), mask.size(1), image.path.filename().string(), height,
        width));
  torch::Tensor fitted = torch::empty({height, width}, torch::kUInt8);
  const cv::Mat from(static_cast<int>(mask.size(0)), static_cast<int>(mask.size(1)), CV_8U,
                     mask.data_ptr());
  cv::Mat to(static_cast<int>(height), static_cast<int>(width), CV_8U, fitted.data_ptr());
  cv::resize(from, to, to.size(), 0, 0, cv::INTER_NEAREST_EXACT);
  return fitted;
}

std::vector<RawSample> read_chest_image(const ChestImage& image, const std::string& patient) {
  RawSample sample;
  sample.image = read_image(image.path, ColorKind::kGray);
  if (!image.mask.empty())
    set_lungs(sample, split_lungs(fitted_mask(image, sample.image.size(1), sample.image.size(2))));
  sample.id.name = sample.id.case_name = image.name;
  sample.id.patient = patient;
  sample.id.group = image.group;
  sample.id.source = image.source;
  return {sample};
}

std::vector<ChestImage> find_chest_images(const fs::path& source, std::vector<std::string>& notes) {
  const fs::path root = fs::weakly_canonical(source);
  std::vector<ChestImage> images;
  std::vector<fs::path> masks;
  for (const fs::path& file : files_below(root)) {
    if (!is_picture(file)) continue;
    if (in_lower_case(file.parent_path().filename().string()) == "masks")
      masks.push_back(file);
    else
      images.push_back(placed(file, root));
  }
  if (images.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no images in it; class folders of PNG or JPEG are needed", source.string()));
  set_masks(images, masks);
  check_masks_used(images, masks);
  images = without_copies(std::move(images), notes);
  set_names(images);
  return images;
}

}  // namespace

ConversionPlan plan_chest_xray(const ConverterOptions& options) {
  ConversionPlan plan;
  plan.header.name = "chest_xray";
  plan.header.classes = lung_classes();
  std::optional<PatientHash> hash;
  if (!options.patient_key.empty()) hash.emplace(options);
  for (const ChestImage& image : find_chest_images(options.source, plan.notes)) {
    ConversionItem item{.name = image.name, .files = {image.path}, .read = {}};
    if (!image.mask.empty()) item.files.push_back(image.mask);
    std::string patient = patient_in(image, options);
    if (hash) patient = (*hash)(patient);
    item.read = [image, patient] { return read_chest_image(image, patient); };
    plan.items.push_back(std::move(item));
  }
  return plan;
}

}  // namespace medsweep::datasets
