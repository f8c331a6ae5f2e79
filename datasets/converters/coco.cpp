#include "datasets/converters/coco.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "datasets/converters/coco_sample.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

fs::path coco_json(const ConverterOptions& options, const std::vector<fs::path>& files) {
  if (!options.annotations.empty()) return options.annotations;
  std::vector<std::string> instances, others;
  for (const fs::path& file : files)
    if (ending_of(file) == ".json")
      (file.filename().string().starts_with("instances") ? instances : others)
          .push_back(file.string());
  const std::vector<std::string>& found = instances.empty() ? others : instances;
  if (found.size() == 1) return found.front();
  throw std::invalid_argument(
      found.empty()
          ? fmt::format("[{}] no JSON file in it; --annotations FILE names COCO's annotations",
                        options.source.string())
          : fmt::format("[{}] {} JSON files; --annotations FILE is to name one of {}",
                        options.source.string(), found.size(), fmt::join(found, ", ")));
}

ColorKind coco_color(const std::string& name) {
  if (name.empty() || name == "rgb") return ColorKind::kRgb;
  if (name == "gray") return ColorKind::kGray;
  throw std::invalid_argument(fmt::format("[color] '{}'; rgb and gray are allowed", name));
}

/// A category's name as a class's: "Right Lung" -> "right_lung".
std::string coco_class_name(const std::string& category) {
  std::string name = plain_name(category);
  for (char& letter : name)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return name;
}

/// Rows of the categories in the order of the classes.
std::vector<std::size_t> wanted_categories(const std::vector<CocoCategory>& categories,
                                           const std::vector<std::string>& classes) {
  std::vector<std::size_t> wanted(classes.empty() ? categories.size() : 0);
  std::iota(wanted.begin(), wanted.end(), 0);
  for (const std::string& name : classes) {
    const auto found = std::ranges::find(categories, coco_class_name(name),
                                         [](const auto& row) { return coco_class_name(row.name); });
    if (found == categories.end()) {
      std::vector<std::string_view> known;
      for (const CocoCategory& category : categories) known.push_back(category.name);
      throw std::invalid_argument(unknown_name("classes", name, known));
    }
    wanted.push_back(static_cast<std::size_t>(found - categories.begin()));
  }
  return wanted;
}

/// Fills the header's classes and the labels of the categories.
void choose_classes(const ConverterOptions& options, CocoSet& set, DataFileHeader& header) {
  const std::vector<CocoCategory>& categories = set.annotations.categories;
  const std::vector<std::size_t> wanted = wanted_categories(categories, options.classes);
  if (wanted.size() > 255)
    throw std::invalid_argument(fmt::format("[{}] {} categories; up to 255 are allowed: --classes",
                                            set.json.string(), wanted.size()));
  set.labels.resize(categories.size());
  for (const std::size_t row : wanted) {
    header.classes.push_back(coco_class_name(categories[row].name));
    header.label_codes.push_back(categories[row].id);
    set.labels[row] = static_cast<std::uint8_t>(header.classes.size());
  }
}

void choose_objects(CocoSet& set, std::vector<std::string>& notes) {
  set.objects.resize(set.annotations.images.size());
  std::size_t boxes = 0;
  for (std::size_t row = 0; row < set.annotations.objects.size(); ++row) {
    const CocoObject& object = set.annotations.objects[row];
    if (set.labels[object.category] == 0) continue;
    set.objects[object.image].push_back(row);
    set.masks = set.masks || object.has_mask();
    if (!object.has_mask()) ++boxes;
  }
  if (set.masks && boxes > 0)
    notes.push_back(fmt::format("{} objects have no mask: their box is filled", boxes));
}

/// File names and their folders' ends -> files, to be found by "images/a.jpg" or "a.jpg".
class ImageFinder {
 public:
  ImageFinder(const std::vector<fs::path>& files, std::string where) : where_(std::move(where)) {
    for (const fs::path& file : files) by_name_.emplace(file.filename().string(), file);
  }
  fs::path find(const CocoImage& image) const {
    const fs::path wanted = fs::path(image.file_name).lexically_normal().relative_path();
    std::vector<std::string> found;
    const auto [first, last] = by_name_.equal_range(wanted.filename().string());
    for (auto file = first; file != last; ++file)
      if (ends_with(file->second, wanted)) found.push_back(file->second.string());
    if (found.size() == 1) return found.front();
    std::ranges::sort(found);
    const std::string what = found.empty()
                                 ? fmt::format("no file {}", wanted.string())
                                 : fmt::format("several files: {}", fmt::join(found, ", "));
    throw std::invalid_argument(
        fmt::format("[{}: image {}] {}; one is needed below the source", where_, image.id, what));
  }

 private:
  static bool ends_with(const fs::path& file, const fs::path& wanted) {
    auto part = file.end();
    for (auto name = wanted.end(); name != wanted.begin();)
      if (part == file.begin() || *--part != *--name) return false;
    return true;
  }
  std::string where_;
  std::unordered_multimap<std::string, fs::path> by_name_;
};

SampleId coco_id(const ConverterOptions& options, const PatientHash& hash, const fs::path& file,
                 std::string name) {
  SampleId id;
  id.name = std::move(name);
  id.case_name = id.name;
  id.patient = patient_of(stem_of(file), options.patient);
  id.patient = options.patient_key.empty() ? plain_name(id.patient) : hash(id.patient);
  id.source = plain_name(file.parent_path().filename().string());
  return id;
}

}  // namespace

ConversionPlan plan_coco(const ConverterOptions& options) {
  const std::vector<fs::path> files = files_below(options.source);
  ConversionPlan plan;
  plan.header.name = options.name.empty() ? stem_of(options.output) : options.name;
  const auto set = std::make_shared<CocoSet>();
  set->json = coco_json(options, files);
  set->color = coco_color(options.color);
  set->annotations = read_coco(set->json, options.on_bad, plan.skipped);
  plan.notes = set->annotations.notes;
  plan.header.channels = set->color == ColorKind::kGray ? 1 : 3;
  choose_classes(options, *set, plan.header);
  choose_objects(*set, plan.notes);
  const ImageFinder finder(files, set->json.string());
  const PatientHash hash(options);
  std::set<std::string> names;
  for (std::size_t image = 0; image < set->annotations.images.size(); ++image) {
    const CocoImage& row = set->annotations.images[image];
    try {
      const fs::path file = finder.find(row);
      std::string name = plain_name(stem_of(file));
      if (!names.insert(name).second) {
        name += fmt::format("_{}", row.id);
        names.insert(name);
      }
      const SampleId id = coco_id(options, hash, file, name);
      plan.items.push_back(
          {.name = name, .files = {file, set->json}, .read = [set, image, file, id] {
             RawSample sample = read_coco_sample(*set, image, file);
             sample.id = id;
             return std::vector<RawSample>{std::move(sample)};
           }});
    } catch (const std::invalid_argument& error) {
      if (options.on_bad == ConverterOptions::OnBad::kStop) throw;
      plan.skipped.emplace_back(error.what());
    }
  }
  return plan;
}

}  // namespace medsweep::datasets
