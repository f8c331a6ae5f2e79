#include "datasets/converters/lungs_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "datasets/converters/json_list.h"
#include "datasets/converters/lung_labels.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::int64_t kImageLeft = 1, kImageRight = 2;  // the format's class_id; 0: background

enum class LungsColor { kRgb, kGray };

fs::path lungs_file(const ConverterOptions& options) {
  if (!options.annotations.empty()) return options.annotations;
  std::vector<std::string> named, others;
  for (const fs::path& file : files_below(options.source))
    if (ending_of(file) == ".json")
      (file.filename() == "dataset.json" ? named : others).push_back(file.string());
  const std::vector<std::string>& found = named.empty() ? others : named;
  if (found.size() == 1) return found.front();
  throw std::invalid_argument(
      fmt::format("[{}] {}; --annotations FILE names one", options.source.string(),
                  found.empty() ? "no dataset.json in it"
                                : fmt::format("several JSON files: {}", fmt::join(found, ", "))));
}

LungsColor lungs_color(const std::string& name) {
  if (name.empty() || name == "rgb") return LungsColor::kRgb;
  if (name == "gray") return LungsColor::kGray;
  throw std::invalid_argument(fmt::format("[color] '{}'; rgb and gray are allowed", name));
}

/// One object of the list.
class LungsRecord {
 public:
  LungsRecord(const fs::path& path, const JsonPiece& piece, std::size_t position)
      : where_(fmt::format("{}: image {}", path.string(), position)) {
    try {
      record_ = json::parse(read_piece(path, piece));
    } catch (const json::parse_error& error) {
      throw std::runtime_error(fmt::format("[{}] no JSON at byte {}: damaged", where_,
                                           piece.begin + static_cast<std::int64_t>(error.byte)));
    }
  }

  std::string name() const {
    const json& info = member(record_, "image_info", "an object");
    const json& name = member(info, "file_name", "a text");
    if (!name.is_string()) refuse("file_name is no text");
    return stem_of(name.get<std::string>());
  }

  /// [3, H, W] uint8.
  torch::Tensor image() const {
    return pixels(member(member(record_, "image", "an object"), "original_image", "a list of rows"),
                  3, "original_image", 255)
        .permute({2, 0, 1})
        .contiguous();
  }

  /// The patient's lungs.
  LungSplit lungs(const torch::Tensor& image) const {
    LungSplit lungs;
    lungs.left = torch::zeros({image.size(1), image.size(2)}, torch::kUInt8);
    lungs.right = torch::zeros_like(lungs.left);
    const json& instances = member(record_, "instance_info", "a list");
    if (!instances.is_array()) refuse("instance_info is no list");
    for (const json& instance : instances) {
      const std::int64_t side = class_of(instance);
      if (side == 0) continue;
      const torch::Tensor mask =
          pixels(member(instance, "mask_image", "a list of rows"), 1, "mask_image", 1).squeeze(2);
      if (mask.sizes() != lungs.left.sizes())
        refuse(fmt::format("mask_image of {} pixels, but the image has {}",
                           fmt::join(mask.sizes(), " x "), fmt::join(lungs.left.sizes(), " x ")));
      (side == kImageLeft ? lungs.right : lungs.left).bitwise_or_(mask);
    }
    check_sides(lungs);
    return lungs;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw std::invalid_argument(fmt::format("[{}] {}", where_, what));
  }

  const json& member(const json& object, const char* key, const char* kind) const {
    if (!object.is_object() || !object.contains(key))
      refuse(fmt::format("no '{}'; {} is needed", key, kind));
    return object[key];
  }

  std::int64_t class_of(const json& instance) const {
    const json& id = member(instance, "class_id", "a number");
    const std::int64_t value = id.is_number_integer() ? id.get<std::int64_t>() : -1;
    const json& name = member(instance, "class_name", "a text");
    const std::string text = name.is_string() ? name.get<std::string>() : "";
    const bool fits = value == 0 || (value == kImageLeft && text.starts_with("left")) ||
                      (value == kImageRight && text.starts_with("right"));
    if (!fits)
      refuse(fmt::format("class {} '{}'; 0 background, 1 left lung, 2 right lung are allowed",
                         value, text));
    return value;
  }

  /// [H, W, channels] uint8 out of nested lists; a mask may come without its last axis.
  torch::Tensor pixels(const json& rows, std::int64_t channels, const char* what,
                       std::int64_t most) const {
    if (!rows.is_array() || rows.empty() || !rows[0].is_array() || rows[0].empty())
      refuse(fmt::format("{} is no list of rows", what));
    const std::size_t width = rows[0].size();
    std::vector<std::uint8_t> values;
    values.reserve(rows.size() * width * static_cast<std::size_t>(channels));
    for (std::size_t y = 0; y < rows.size(); ++y) {
      if (!rows[y].is_array() || rows[y].size() != width)
        refuse(fmt::format("{}, row {}: not {} pixels as in the first", what, y, width));
      for (const json& pixel : rows[y]) {
        const bool bare = channels == 1 && !pixel.is_array();
        if (!bare && (!pixel.is_array() || std::ssize(pixel) != channels))
          refuse(fmt::format("{}, row {}: a pixel is not {} values", what, y, channels));
        for (std::int64_t c = 0; c < channels; ++c)
          values.push_back(
              value_of(bare ? pixel : pixel[static_cast<std::size_t>(c)], what, y, most));
      }
    }
    return torch::tensor(values, torch::kUInt8)
        .reshape({std::ssize(rows), static_cast<std::int64_t>(width), channels});
  }

  std::uint8_t value_of(const json& value, const char* what, std::size_t row,
                        std::int64_t most) const {
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!(number >= 0 && number <= static_cast<double>(most)) || number != std::floor(number))
      refuse(
          fmt::format("{}, row {}: a value that is no whole number from 0 to {}", what, row, most));
    return static_cast<std::uint8_t>(number);
  }

  static double centre_column(const torch::Tensor& mask) {
    return mask.nonzero().select(1, 1).to(torch::kFloat64).mean().item<double>();
  }

  void check_sides(const LungSplit& lungs) const {
    if (!lungs.left.any().item<bool>() || !lungs.right.any().item<bool>()) return;
    if (centre_column(lungs.left) < centre_column(lungs.right))
      refuse("its left lung lies right of its right lung; left is the image's left here");
  }

  std::string where_;
  json record_;
};

/// ITU-R 601's luminance as PIL rounds it: [3, H, W] -> [1, H, W].
torch::Tensor lungs_luminance(const torch::Tensor& rgb) {
  const torch::Tensor weights = torch::tensor({19595, 38470, 7471}, torch::kInt32);
  const torch::Tensor sum = (rgb.to(torch::kInt32) * weights.reshape({3, 1, 1})).sum(0, true);
  return (sum + 32768).floor_divide(65536).to(torch::kUInt8);
}

RawSample read_lungs_record(const LungsRecord& record, LungsColor color) {
  RawSample sample;
  sample.image = record.image();
  set_lungs(sample, record.lungs(sample.image));
  if (color == LungsColor::kGray) sample.image = lungs_luminance(sample.image);
  sample.id.name = plain_name(record.name());
  sample.id.case_name = sample.id.name;
  return sample;
}

}  // namespace

ConversionPlan plan_lungs_json(const ConverterOptions& options) {
  const fs::path file = lungs_file(options);
  const LungsColor color = lungs_color(options.color);
  const PatientHash hash(options);
  const bool hashed = !options.patient_key.empty();
  ConversionPlan plan;
  plan.header.name = "lungs_json";
  plan.header.classes = lung_classes();
  plan.header.label_codes = {kImageRight, kImageLeft};
  plan.header.channels = color == LungsColor::kGray ? 1 : 3;
  const std::vector<JsonPiece> pieces = objects_of_list(file);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto read = [=, piece = pieces[i], pattern = options.patient] {
      RawSample sample = read_lungs_record(LungsRecord(file, piece, i), color);
      const std::string patient = patient_of(sample.id.name, pattern);
      sample.id.patient = hashed ? hash(patient) : plain_name(patient);
      sample.id.source = plain_name(file.parent_path().filename().string());
      return std::vector<RawSample>{std::move(sample)};
    };
    plan.items.push_back({.name = fmt::format("image_{:06}", i), .files = {file}, .read = read});
  }
  return plan;
}

}  // namespace medsweep::datasets
