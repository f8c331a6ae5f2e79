#include "datasets/coco_annotation.h"

#include <torch/torch.h>

#include <opencv2/imgproc.hpp>
#include <utility>

namespace medsweep::datasets {

using nlohmann::ordered_json;

RunLengths runs_of(const torch::Tensor& mask) {
  const torch::Tensor dense = mask.to(torch::kUInt8).contiguous();
  const auto* values = dense.const_data_ptr<std::uint8_t>();
  return encode_mask({values, values + dense.numel()}, dense.size(0), dense.size(1));
}

std::vector<MaskPart> parts_of(const torch::Tensor& mask) {
  const torch::Tensor dense = mask.ne(0).to(torch::kUInt8).contiguous();
  const cv::Mat image(static_cast<int>(dense.size(0)), static_cast<int>(dense.size(1)), CV_8UC1,
                      dense.mutable_data_ptr());
  cv::Mat numbers, boxes, centres;
  const int count = cv::connectedComponentsWithStats(image, numbers, boxes, centres, 8, CV_32S);
  const torch::Tensor part_of =
      torch::from_blob(numbers.data, {dense.size(0), dense.size(1)}, torch::kInt32);
  std::vector<MaskPart> parts;
  for (int part = 1; part < count; ++part) {
    const int x = boxes.at<int>(part, cv::CC_STAT_LEFT), y = boxes.at<int>(part, cv::CC_STAT_TOP);
    const int right = x + boxes.at<int>(part, cv::CC_STAT_WIDTH);
    const int bottom = y + boxes.at<int>(part, cv::CC_STAT_HEIGHT);
    parts.push_back({runs_of(part_of.eq(part)), static_cast<double>(x), static_cast<double>(y),
                     static_cast<double>(right), static_cast<double>(bottom)});
  }
  return parts;
}

ordered_json coco_box(double x1, double y1, double x2, double y2) {
  return ordered_json::array({x1, y1, x2 - x1, y2 - y1});
}

ordered_json coco_annotation(std::int64_t category, ordered_json box, const RunLengths* mask) {
  ordered_json entry{{"id", 0}, {"image_id", 0}, {"category_id", category}};
  entry["area"] = mask != nullptr ? static_cast<double>(area_of(*mask))
                                  : box[2].get<double>() * box[3].get<double>();
  entry["bbox"] = std::move(box);
  entry["iscrowd"] = 0;
  entry["segmentation"] = ordered_json::array();
  if (mask != nullptr)
    entry["segmentation"] = {{"size", {mask->height, mask->width}},
                             {"counts", text_from_runs(*mask)}};
  return entry;
}

ordered_json coco_document(const std::vector<ordered_json>& images,
                           std::vector<std::vector<ordered_json>> annotations) {
  ordered_json all{{"images", images}, {"annotations", ordered_json::array()}};
  for (std::size_t image = 0; image < annotations.size(); ++image)
    for (ordered_json& entry : annotations[image]) {
      entry["id"] = all["annotations"].size() + 1;
      entry["image_id"] = image + 1;
      all["annotations"].push_back(std::move(entry));
    }
  return all;
}

}  // namespace medsweep::datasets
