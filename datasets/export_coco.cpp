#include "datasets/export_coco.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "base/files.h"
#include "datasets/coco_annotation.h"
#include "datasets/export_images.h"

namespace medsweep::datasets {
namespace {

using nlohmann::ordered_json;

/// What the format cannot hold, over all samples.
struct CocoLosses {
  std::atomic<bool> scaled = false, parts = false, unseen = false, second = false;
};

std::vector<ordered_json> annotations_of_objects(const Instances& objects,
                                                 const std::vector<std::int64_t>& codes) {
  std::vector<ordered_json> entries;
  for (std::int64_t i = 0; i < objects.boxes.size(0); ++i) {
    const torch::Tensor dense = objects.boxes[i].contiguous();
    const auto* box = dense.const_data_ptr<float>();
    const auto code = codes[static_cast<std::size_t>(objects.labels[i].item<std::int64_t>()) - 1];
    RunLengths runs;
    if (objects.masks.defined()) runs = runs_of(objects.masks[i]);
    entries.push_back(coco_annotation(code, coco_box(box[0], box[1], box[2], box[3]),
                                      objects.masks.defined() ? &runs : nullptr));
    entries.back()["iscrowd"] = objects.ignore[i].item<int>();
  }
  return entries;
}

std::vector<ordered_json> annotations_of_labels(const torch::Tensor& labels,
                                                const std::vector<std::int64_t>& codes) {
  std::vector<ordered_json> entries;
  for (std::size_t label = 1; label <= codes.size(); ++label)
    for (const MaskPart& part : parts_of(labels.eq(static_cast<std::int64_t>(label))))
      entries.push_back(coco_annotation(codes[label - 1],
                                        coco_box(part.x1, part.y1, part.x2, part.y2), &part.mask));
  return entries;
}

ordered_json coco_image(std::int64_t index, const RawSample& sample, const std::string& name) {
  return {{"id", index + 1},
          {"file_name", name + ".png"},
          {"height", sample.image.size(1)},
          {"width", sample.image.size(2)},
          {"case", sample.id.case_name},
          {"patient", sample.id.patient},
          {"group", sample.id.group},
          {"source", sample.id.source}};
}

void note_losses(const RawSample& sample, CocoLosses& losses) {
  if (sample.image.scalar_type() != torch::kUInt8) losses.scaled = true;
  if (!sample.instances.defined() && sample.labels.defined()) losses.parts = true;
  if (sample.field_of_view.defined()) losses.unseen = true;
  if (sample.second_observer.defined()) losses.second = true;
}

std::vector<std::string> notes_of(const CocoLosses& losses) {
  std::vector<std::string> notes;
  if (losses.scaled)
    notes.emplace_back(
        "images of more than 8 bits are scaled, each from its least to its greatest value; the "
        "formats png and nifti keep the values");
  if (losses.parts)
    notes.emplace_back("label maps became one annotation for each connected part of a class");
  if (losses.unseen) notes.emplace_back("fields of view are not in the format");
  if (losses.second) notes.emplace_back("the second observer's labels are not in the format");
  return notes;
}

std::vector<std::int64_t> category_ids(const DataFileHeader& header) {
  if (!header.label_codes.empty()) return header.label_codes;
  std::vector<std::int64_t> ids(header.classes.size());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i) + 1;
  return ids;
}

void write_coco_json(const std::filesystem::path& path, const DataFileHeader& header,
                     const std::vector<ordered_json>& images,
                     std::vector<std::vector<ordered_json>> annotations) {
  ordered_json all = coco_document(images, std::move(annotations));
  const std::vector<std::int64_t> codes = category_ids(header);
  for (std::size_t i = 0; i < codes.size(); ++i)
    all["categories"].push_back({{"id", codes[i]}, {"name", header.classes[i]}});
  write_file_atomically(path, all.dump() + "\n");
}

}  // namespace

ExportReport export_coco(const DataFile& file, const std::filesystem::path& folder,
                         const ExportProgress& progress) {
  const DataFileHeader& header = file.header();
  if (header.channels != 1 && header.channels != 3)
    throw std::invalid_argument(
        fmt::format("[{}] images of {} channels; the format coco holds 1 "
                    "or 3, the formats png and nifti any number",
                    file.path().string(), header.channels));
  const std::vector<std::int64_t> codes = category_ids(header);
  std::vector<ordered_json> images(file.samples().size());
  std::vector<std::vector<ordered_json>> annotations(file.samples().size());
  CocoLosses losses;
  std::filesystem::create_directory(folder / "images");
  const auto save = [&](std::int64_t index, const RawSample& sample, const std::string& name) {
    save_viewable(folder / "images", name, sample.image);
    const auto row = static_cast<std::size_t>(index);
    images[row] = coco_image(index, sample, name);
    if (sample.instances.defined())
      annotations[row] = annotations_of_objects(sample.instances, codes);
    else if (sample.labels.defined())
      annotations[row] = annotations_of_labels(sample.labels, codes);
    note_losses(sample, losses);
  };
  for_each_image(file, "coco", progress, save);
  write_coco_json(folder / "annotations.json", header, images, std::move(annotations));
  return {
      .samples = std::ssize(images), .files = std::ssize(images) + 1, .notes = notes_of(losses)};
}

}  // namespace medsweep::datasets
