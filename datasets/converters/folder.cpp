#include "datasets/converters/folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "datasets/converters/image_files.h"
#include "datasets/converters/label_map.h"
#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

/// An image and its mask.
struct FolderPair {
  fs::path image, mask;
  std::string name, source;
};

/// Files by what pairs them: a key such as "train/a", or what '*' stands for.
using FilesByKey = std::map<std::string, fs::path>;

bool is_image_file(const fs::path& file) {
  static const std::array<std::string_view, 11> kEndings{".png",  ".tif",    ".tiff",  ".jpg",
                                                         ".jpeg", ".bmp",    ".gif",   ".ppm",
                                                         ".pgm",  ".ppm.gz", ".pgm.gz"};
  return std::ranges::find(kEndings, ending_of(file)) != kEndings.end();
}

/// Image files in folders called one of `folders`: what stands above them, and their stems.
FilesByKey files_in_folders(const std::vector<fs::path>& files, const fs::path& root,
                            const std::vector<std::string_view>& folders) {
  FilesByKey found;
  for (const fs::path& file : files) {
    const fs::path folder = file.parent_path();
    if (!is_image_file(file) ||
        std::ranges::find(folders, folder.filename().string()) == folders.end())
      continue;
    const fs::path above =
        folder == root ? fs::path() : folder.parent_path().lexically_relative(root);
    const std::string key = ((above == "." ? fs::path() : above) / stem_of(file)).string();
    const auto [other, is_new] = found.emplace(key, file);
    if (!is_new)
      throw std::invalid_argument(fmt::format("[{}] is called '{}' as {} is; one is needed",
                                              file.string(), stem_of(file),
                                              other->second.filename().string()));
  }
  return found;
}

FilesByKey folder_files_of(const std::vector<fs::path>& files, const ConverterOptions& options,
                           const std::string& pattern,
                           const std::vector<std::string_view>& folders) {
  if (!pattern.empty()) return files_matching(files, pattern);
  return files_in_folders(files, fs::weakly_canonical(options.source), folders);
}

/// "train/a" -> name "train_a", source "train".
FolderPair pair_called(const std::string& key, const fs::path& image, const fs::path& mask) {
  const fs::path above = fs::path(key).parent_path();
  return {.image = image,
          .mask = mask,
          .name = plain_name(key),
          .source = above.empty() ? "" : plain_name(above.string())};
}

std::vector<FolderPair> find_folder_pairs(ConversionPlan& plan, const ConverterOptions& options) {
  const std::vector<fs::path> files = files_below(options.source);
  const FilesByKey images = folder_files_of(files, options, options.images, {"images"});
  const FilesByKey masks = folder_files_of(files, options, options.labels, {"masks", "labels"});
  if (images.empty() || masks.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no {} in it; folders 'images' and 'masks', or --images and --labels with "
                    "patterns of file names, are needed",
                    options.source.string(), images.empty() ? "images" : "masks"));
  for (const auto& [key, mask] : masks)
    if (!images.contains(key))
      refuse_part(plan, options, fmt::format("[{}] has no image called '{}'", mask.string(), key));
  std::vector<FolderPair> pairs;
  for (const auto& [key, image] : images) {
    if (masks.contains(key))
      pairs.push_back(pair_called(key, image, masks.at(key)));
    else
      refuse_part(plan, options, fmt::format("[{}] has no mask called '{}'", image.string(), key));
  }
  return pairs;
}

ColorKind color_kind_of(const std::string& color) {
  if (color.empty()) return ColorKind::kStored;
  if (color == "rgb") return ColorKind::kRgb;
  if (color == "gray") return ColorKind::kGray;
  throw std::invalid_argument(fmt::format("[color] '{}'; rgb and gray are allowed", color));
}

/// Those of the colour, or of the first image that can be read.
std::int64_t channels_of(const std::vector<FolderPair>& pairs, const ConverterOptions& options) {
  const ColorKind kind = color_kind_of(options.color);
  if (kind != ColorKind::kStored) return kind == ColorKind::kRgb ? 3 : 1;
  for (const FolderPair& pair : pairs) {
    try {
      return read_image(pair.image, kind).size(0);
    } catch (const std::exception&) {
      if (options.on_bad == ConverterOptions::OnBad::kStop) throw;  // else its item tells
    }
  }
  return 1;
}

torch::Tensor labels_in(const fs::path& path, const LabelMap& map, bool is_default) {
  const torch::Tensor levels = read_label_image(path);
  try {
    return map.labels_of(levels, path.string());
  } catch (const std::invalid_argument& error) {
    if (!is_default) throw;
    throw std::invalid_argument(
        fmt::format("{}; other grey levels need a --label-map", error.what()));
  }
}

LabelMap folder_label_map(const ConverterOptions& options) {
  const LabelMap map = options.label_map.empty() ? LabelMap({{255, "foreground"}})
                                                 : read_label_map(options.label_map);
  return options.classes.empty() ? map : map.only(options.classes);
}

}  // namespace

ConversionPlan plan_folder(const ConverterOptions& options) {
  const LabelMap map = folder_label_map(options);
  ConversionPlan plan;
  const std::vector<FolderPair> pairs = find_folder_pairs(plan, options);
  plan.header.name = "folder";
  plan.header.classes = map.classes();
  plan.header.label_codes = map.codes();
  plan.header.channels = channels_of(pairs, options);
  const auto read = [map, channels = plan.header.channels, kind = color_kind_of(options.color),
                     is_default = options.label_map.empty()](const FolderPair& pair,
                                                             const SampleId& id) {
    RawSample sample;
    sample.id = id;
    sample.image = read_image(pair.image, kind);
    if (sample.image.size(0) != channels)
      throw std::invalid_argument(fmt::format(
          "[{}] {} channels, but the first image has {}; --color rgb or gray makes them "
          "alike",
          pair.image.string(), sample.image.size(0), channels));
    sample.labels = labels_in(pair.mask, map, is_default);
    check_mask_size(sample.labels, pair.mask, sample.image, pair.image);
    return std::vector{sample};
  };
  for (const FolderPair& pair : pairs) {
    SampleId id;
    id.name = id.case_name = pair.name;
    id.source = pair.source;
    id.patient = patient_of(pair.name, options.patient);
    if (!options.patient_key.empty()) id.patient = PatientHash(options)(id.patient);
    plan.items.push_back({.name = pair.name,
                          .files = {pair.image, pair.mask},
                          .read = [read, pair, id] { return read(pair, id); }});
  }
  return plan;
}

}  // namespace medsweep::datasets
