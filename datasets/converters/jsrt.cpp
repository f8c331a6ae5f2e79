#include "datasets/converters/jsrt.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <opencv2/imgproc.hpp>
#include <regex>
#include <stdexcept>

#include "base/files.h"
#include "datasets/converters/image_files.h"
#include "datasets/converters/lung_labels.h"
#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/source_tree.h"
#include "datasets/converters/structure_labels.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRawSide = 2048;
constexpr int kRawLargest = 4095;
constexpr double kRawPixel = 0.175;  // mm, of .IMG
const std::vector<std::string> kScrStructures{"left_lung", "right_lung", "heart", "left_clavicle",
                                              "right_clavicle"};

/// What lies where, by the name of an X-ray.
struct JsrtFiles {
  std::map<std::string, fs::path> images;
  std::map<std::string, std::map<std::string, fs::path>> masks;  // X-ray -> structure -> file
};

std::string structure_of(const fs::path& mask) {
  std::string name = mask.parent_path().filename().string();
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return c == ' ' || c == '-' ? '_' : static_cast<char>(std::tolower(c));
  });
  return name;
}

void add_jsrt_image(JsrtFiles& found, const std::string& name, const fs::path& file) {
  const auto [other, is_new] = found.images.emplace(name, file);
  if (is_new) return;
  const bool raw = ending_of(file) == ".img", other_raw = ending_of(other->second) == ".img";
  if (raw == other_raw)
    throw std::invalid_argument(fmt::format("[{}] is the X-ray {} as {} is; one is needed",
                                            file.string(), name, other->second.string()));
  if (raw) other->second = file;  // a conversion of it lies beside
}

JsrtFiles find_jsrt_files(const fs::path& source) {
  static const std::regex kXrayName("JPC[LN]N[0-9]{3}");
  static const std::vector<std::string> kXrayEndings{".img",  ".png", ".bmp", ".tif",
                                                     ".tiff", ".jpg", ".gif"};
  JsrtFiles found;
  for (const fs::path& file : files_below(source)) {
    const std::string name = stem_of(file);
    if (!std::regex_match(name, kXrayName) ||
        std::ranges::find(kXrayEndings, ending_of(file)) == kXrayEndings.end())
      continue;
    const std::string structure = structure_of(file);
    if (std::ranges::find(kScrStructures, structure) == kScrStructures.end()) {
      add_jsrt_image(found, name, file);
    } else if (const auto [other, is_new] = found.masks[name].emplace(structure, file); !is_new) {
      throw std::invalid_argument(fmt::format("[{}] is drawn in {} too; one is needed",
                                              file.string(), other->second.string()));
    }
  }
  if (found.images.empty() || found.masks.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no {} in it; JPCLN001.IMG, ... of JSRT and fold1/masks/left "
                    "lung/JPCLN001.gif, ... of SCR are needed",
                    source.string(), found.images.empty() ? "images" : "masks"));
  return found;
}

/// "fold2" of .../fold2/masks/heart/JPCLN001.gif; empty where no folder is called so.
std::string scr_fold_of(const fs::path& mask) {
  static const std::regex kFold("fold[0-9]+");
  std::string fold;  // the innermost one: folders above the source may be called so too
  for (const fs::path& folder : mask)
    if (std::regex_match(folder.string(), kFold)) fold = folder.string();
  return fold;
}

/// Brought to the image's size by the nearest pixel; only whole multiples and parts keep its shape.
torch::Tensor read_jsrt_mask(const fs::path& path, const torch::Tensor& image,
                             const fs::path& image_path) {
  torch::Tensor mask = read_mask(path);
  const std::int64_t height = image.size(1), width = image.size(2);
  if (mask.size(0) * width != mask.size(1) * height) check_mask_size(mask, path, image, image_path);
  if (mask.size(0) == height) return mask;
  torch::Tensor fitted = torch::empty({height, width}, torch::kUInt8);
  const cv::Mat from(static_cast<int>(mask.size(0)), static_cast<int>(mask.size(1)), CV_8U,
                     mask.data_ptr());
  cv::Mat to(static_cast<int>(height), static_cast<int>(width), CV_8U, fitted.data_ptr());
  cv::resize(from, to, to.size(), 0, 0, cv::INTER_NEAREST_EXACT);
  return fitted;
}

/// An X-ray with the masks that its classes need, both of a pair.
struct JsrtImage {
  fs::path image;
  std::map<std::string, fs::path> masks;
  std::vector<std::string> classes;
  SampleId id;
};

/// The patient's left is what lies further right in the image.
void order_sides(std::map<std::string, torch::Tensor>& masks, const JsrtImage& files,
                 const std::string& organ) {
  const std::string left = "left_" + organ, right = "right_" + organ;
  if (!masks.contains(left)) return;
  if (mask_centre(masks.at(left), files.masks.at(left).string()) <
      mask_centre(masks.at(right), files.masks.at(right).string()))
    std::swap(masks.at(left), masks.at(right));
}

std::vector<RawSample> read_jsrt(const JsrtImage& files) {
  RawSample sample;
  sample.id = files.id;
  if (ending_of(files.image) == ".img") {
    sample.image = read_jsrt_image(files.image);
    sample.id.spacing = {1, kRawPixel, kRawPixel};  // of one slice: its depth counts in nothing
  } else {
    sample.image = read_image(files.image, ColorKind::kGray);
  }
  std::map<std::string, torch::Tensor> masks;
  for (const auto& [structure, path] : files.masks)
    masks[structure] = read_jsrt_mask(path, sample.image, files.image);
  order_sides(masks, files, "lung");
  order_sides(masks, files, "clavicle");
  std::vector<torch::Tensor> in_order;
  for (const std::string& name : files.classes) in_order.push_back(masks.at(name));
  set_structures(sample, in_order);
  return {sample};
}

/// The masks to be read for the classes: "left_lung" needs "right_lung" to know which is which.
std::vector<std::string> structures_for(const std::vector<std::string>& classes) {
  std::vector<std::string> needed;
  for (const std::string& structure : kScrStructures) {
    const std::string organ = structure.substr(structure.find('_') + 1);
    if (std::ranges::any_of(classes, [&](const auto& name) { return name.ends_with(organ); }))
      needed.push_back(structure);
  }
  return needed;
}

void check_jsrt_classes(const std::vector<std::string>& classes) {
  for (const std::string& name : classes)
    if (std::ranges::find(kScrStructures, name) == kScrStructures.end())
      throw std::invalid_argument(fmt::format("[classes] unknown class '{}'; known: {}", name,
                                              fmt::join(kScrStructures, " ")));
}

SampleId jsrt_id(const ConverterOptions& options, const std::string& name, const fs::path& mask) {
  SampleId id;
  id.name = name;
  id.case_name = name;
  id.patient = options.patient_key.empty() ? name : PatientHash(options)(name);
  id.group = name.starts_with("JPCLN") ? "nodule" : "normal";
  id.source = scr_fold_of(mask);
  if (!id.source.empty()) id.fold = std::stoi(id.source.substr(4)) - 1;
  return id;
}

}  // namespace

ConversionPlan plan_jsrt(const ConverterOptions& options) {
  const std::vector<std::string> classes =
      options.classes.empty() ? lung_classes() : options.classes;
  check_jsrt_classes(classes);
  const JsrtFiles found = find_jsrt_files(options.source);
  ConversionPlan plan{.header = {.name = "jsrt", .classes = classes}};
  std::vector<std::string> unmarked;
  for (const auto& [name, image] : found.images) {
    const auto masks = found.masks.find(name);
    if (masks == found.masks.end()) {
      unmarked.push_back(name);
      continue;
    }
    JsrtImage files{.image = image, .masks = {}, .classes = classes, .id = {}};
    for (const std::string& structure : structures_for(classes)) {
      if (masks->second.contains(structure))
        files.masks[structure] = masks->second.at(structure);
      else
        refuse_part(plan, options,
                    fmt::format("[{}] has no mask of {}", image.string(), structure));
    }
    if (files.masks.size() < structures_for(classes).size()) continue;
    files.id = jsrt_id(options, name, files.masks.begin()->second);
    ConversionItem item{.name = name, .files = {image}};
    for (const auto& [structure, path] : files.masks) item.files.push_back(path);
    item.read = [files] { return read_jsrt(files); };
    plan.items.push_back(std::move(item));
  }
  note_names(plan, unmarked, "images have no masks: they are left out");
  return plan;
}

torch::Tensor read_jsrt_image(const fs::path& path) {
  constexpr std::size_t kBytes = kRawSide * kRawSide * 2;
  if (!fs::is_regular_file(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  const std::string bytes = read_file(path);
  if (bytes.size() != kBytes)
    throw std::invalid_argument(
        fmt::format("[{}] {} bytes; {} are needed, {} x {} numbers of two bytes", path.string(),
                    bytes.size(), kBytes, kRawSide, kRawSide));
  torch::Tensor image = torch::empty({1, kRawSide, kRawSide}, torch::kInt16);
  auto* const pixels = image.mutable_data_ptr<std::int16_t>();
  const auto* const stored = reinterpret_cast<const unsigned char*>(bytes.data());
  for (std::size_t i = 0; i < kBytes / 2; ++i) {
    const int value = stored[2 * i] << 8 | stored[2 * i + 1];
    if (value > kRawLargest)
      throw std::invalid_argument(
          fmt::format("[{}] value {} at x {}, y {}; 0 to {} are allowed, big-endian", path.string(),
                      value, i % kRawSide, i / kRawSide, kRawLargest));
    pixels[i] = static_cast<std::int16_t>(kRawLargest - value);
  }
  return image;
}

}  // namespace medsweep::datasets
