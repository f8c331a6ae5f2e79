#include "runner/prediction_files.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "base/files.h"
#include "datasets/coco_annotation.h"
#include "datasets/converters/image_files.h"
#include "datasets/converters/nifti_writer.h"
#include "datasets/export.h"
#include "datasets/picture.h"
#include "runner/metrics/detection/label_map.h"

namespace medsweep::runner {

using datasets::RunLengths;
using nlohmann::ordered_json;

/// What was found, of a label map or by a network that finds objects.
struct PredictionFiles::Object {
  std::string task, class_name;
  std::int64_t category;
  double score;
  std::array<double, 4> box;  ///< x1, y1, x2, y2
  std::optional<RunLengths> mask;
};

namespace {

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

/// The mean of [H, W] float32 within the mask.
double mean_within(const RunLengths& mask, const torch::Tensor& values) {
  const std::vector<std::uint8_t> inside = datasets::decode_mask(mask, "prediction");
  const torch::Tensor dense = values.contiguous();
  const auto* value = dense.const_data_ptr<float>();
  double sum = 0;
  for (std::size_t i = 0; i < inside.size(); ++i)
    if (inside[i] != 0) sum += static_cast<double>(value[i]);
  return sum / static_cast<double>(datasets::area_of(mask));
}

datasets::Extent extent_of(const torch::Tensor& image) { return {image.size(1), image.size(2)}; }

datasets::Instances as_instances(const models::Detections& found) {
  return {found.boxes, found.labels.to(torch::kUInt8),
          torch::zeros({found.boxes.size(0)}, torch::kUInt8), found.masks};
}

/// The image in grey, from its darkest to its brightest value, tinted black - red - yellow by
/// `heat`, which is stretched from its least to its largest value: [3, H, W] uint8.
torch::Tensor warmed(const torch::Tensor& image, const torch::Tensor& heat) {
  const auto stretched = [](const torch::Tensor& map) {
    const torch::Tensor from_zero = map - map.min();
    return from_zero / from_zero.max().clamp_min(1e-12);
  };
  const torch::Tensor gray = stretched(image.to(torch::kFloat).mean(0));
  const torch::Tensor warmth = stretched(heat);
  const torch::Tensor ramp = torch::stack(
      {(2 * warmth).clamp(0, 1), (2 * warmth - 1).clamp(0, 1), torch::zeros_like(warmth)});
  return (255 * (gray * (1 - 0.6 * warmth) + 0.6 * warmth * ramp)).round().to(torch::kByte);
}

}  // namespace

PredictionFiles::PredictionFiles(std::filesystem::path folder,
                                 std::map<std::string, std::vector<std::string>> tasks,
                                 Overlays overlays)
    : folder_(std::move(folder)),
      tasks_(std::move(tasks)),
      overlays_(overlays),
      boxes_("image,task,class,score,x1,y1,x2,y2\n") {
  if (std::filesystem::exists(folder_) &&
      !(std::filesystem::is_directory(folder_) && std::filesystem::is_empty(folder_)))
    throw std::invalid_argument(
        fmt::format("[{}] is there already; a new folder is needed", folder_.string()));
  std::filesystem::create_directories(folder_ / "labels");
  if (tasks_.size() > 1)
    for (const auto& [task, classes] : tasks_)
      std::filesystem::create_directories(folder_ / "labels" / datasets::exported_name(task));
  if (overlays_ == Overlays::kDrawn) std::filesystem::create_directories(folder_ / "overlays");
}

std::vector<PredictionFiles::Object> PredictionFiles::objects_in(
    const models::Prediction& prediction) const {
  std::vector<Object> objects;
  std::int64_t before = 0;  // categories of the tasks before
  for (const auto& [task, classes] : tasks_) {
    if (const auto entry = prediction.detections.find(task); entry != prediction.detections.end()) {
      const models::Detections& found = entry->second;
      for (std::int64_t i = 0; i < found.boxes.size(0); ++i) {
        const auto label = found.labels[i].item<std::int64_t>();
        Object object{task,
                      classes.at(static_cast<std::size_t>(label) - 1),
                      before + label,
                      found.scores[i].item<double>(),
                      {},
                      {}};
        for (std::int64_t side = 0; side < 4; ++side)
          object.box[static_cast<std::size_t>(side)] = found.boxes[i][side].item<double>();
        if (found.masks.defined()) object.mask = datasets::runs_of(found.masks[i]);
        objects.push_back(std::move(object));
      }
    } else if (prediction.labels.defined()) {
      for (std::size_t i = 0; i < classes.size(); ++i) {
        const auto label = static_cast<std::int64_t>(i) + 1;
        const torch::Tensor inside = prediction.class_maps.defined()
                                         ? prediction.class_maps[label - 1].ne(0)
                                         : prediction.labels.eq(label);
        for (datasets::MaskPart& part : datasets::parts_of(inside)) {
          const double score = prediction.probabilities.defined()
                                   ? mean_within(part.mask, prediction.probabilities[label - 1])
                                   : 1;
          objects.push_back({task,
                             classes[i],
                             before + label,
                             score,
                             {part.x1, part.y1, part.x2, part.y2},
                             std::move(part.mask)});
        }
      }
    }
    before += std::ssize(classes);
  }
  return objects;
}

void PredictionFiles::write_label_maps(const PredictedImage& image,
                                       const models::Prediction& prediction) const {
  const std::string file = image.name + ".png";
  for (const auto& [task, classes] : tasks_) {
    const auto found = prediction.detections.find(task);
    const torch::Tensor labels = found == prediction.detections.end()
                                     ? prediction.labels
                                     : label_map_of(found->second, extent_of(image.image));
    const std::filesystem::path labels_folder = folder_ / "labels";
    datasets::write_png(tasks_.size() == 1 ? labels_folder / file
                                           : labels_folder / datasets::exported_name(task) / file,
                        labels);
  }
}

void PredictionFiles::draw_activations(const PredictedImage& image,
                                       const models::Prediction& prediction) const {
  const std::filesystem::path folder = folder_ / "activations";
  std::filesystem::create_directories(folder);
  const std::vector<std::string>& classes = tasks_.begin()->second;
  for (std::size_t i = 0; i < classes.size(); ++i)
    datasets::write_png(
        folder / fmt::format("{}_{}.png", image.name, datasets::exported_name(classes[i])),
        warmed(image.image, prediction.activations[static_cast<std::int64_t>(i)]));
}

void PredictionFiles::draw(const PredictedImage& image,
                           const models::Prediction& prediction) const {
  std::vector<datasets::SheetTile> tiles;
  datasets::SheetOptions options;
  options.title = image.name;
  for (const auto& [task, classes] : tasks_) {
    datasets::SheetTile tile;
    tile.image = image.image;
    tile.title = task;
    const auto found = prediction.detections.find(task);
    if (found == prediction.detections.end())
      tile.labels = prediction.labels;
    else
      tile.instances = as_instances(found->second);
    tiles.push_back(std::move(tile));
    if (tasks_.size() == 1) options.classes = classes;
  }
  datasets::write_png(folder_ / "overlays" / (image.name + ".png"),
                      datasets::contact_sheet(tiles, options));
}

void PredictionFiles::add(const PredictedImage& image, const models::Prediction& prediction) {
  const std::string file = image.name + ".png";
  for (const ordered_json& other : images_)
    if (other["file_name"] == file)
      throw std::invalid_argument(fmt::format("[{}] two images are called so: {} and {}",
                                              image.name, other["source"].get<std::string>(),
                                              image.source));
  write_label_maps(image, prediction);
  if (overlays_ == Overlays::kDrawn) draw(image, prediction);
  if (prediction.activations.defined()) draw_activations(image, prediction);
  images_.push_back({{"id", images_.size() + 1},
                     {"file_name", file},
                     {"height", image.image.size(1)},
                     {"width", image.image.size(2)},
                     {"source", image.source}});
  std::vector<ordered_json>& annotations = annotations_.emplace_back();
  for (const Object& object : objects_in(prediction)) {
    const auto& [x1, y1, x2, y2] = object.box;
    boxes_ += fmt::format("{},{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g}\n", image.name,
                          csv_field(object.task), csv_field(object.class_name), object.score, x1,
                          y1, x2, y2);
    annotations.push_back(datasets::coco_annotation(object.category,
                                                    datasets::coco_box(x1, y1, x2, y2),
                                                    object.mask ? &*object.mask : nullptr));
    annotations.back()["score"] = object.score;
  }
}

void PredictionFiles::add(const PredictedVolume& volume, const models::Prediction& prediction) {
  const auto [other, is_new] = volumes_.emplace(volume.name, volume.source);
  if (!is_new)
    throw std::invalid_argument(fmt::format("[{}] two volumes are called so: {} and {}",
                                            volume.name, other->second, volume.source));
  datasets::write_nifti(folder_ / "labels" / (volume.name + ".nii.gz"),
                        {prediction.labels, volume.spacing, volume.affine});
}

void PredictionFiles::finish() const {
  ordered_json all = datasets::coco_document(images_, annotations_);
  all["categories"] = ordered_json::array();
  std::string classes_csv = "task,label,class\n";
  for (const auto& [task, classes] : tasks_)
    for (std::size_t i = 0; i < classes.size(); ++i) {
      ordered_json category{{"id", all["categories"].size() + 1}, {"name", classes[i]}};
      if (tasks_.size() > 1) category["supercategory"] = task;
      all["categories"].push_back(std::move(category));
      classes_csv += fmt::format("{},{},{}\n", csv_field(task), i + 1, csv_field(classes[i]));
    }
  write_file_atomically(folder_ / "classes.csv", classes_csv);
  if (images_.empty() && !volumes_.empty()) return;
  write_file_atomically(folder_ / "annotations.json", all.dump() + "\n");
  write_file_atomically(folder_ / "boxes.csv", boxes_);
}

}  // namespace medsweep::runner
