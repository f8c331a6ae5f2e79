#include "datasets/converters/coco_annotations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "datasets/converters/coco_entry.h"
#include "datasets/converters/run_lengths.h"

namespace medsweep::datasets {
namespace {

using nlohmann::json;

/// More than rounding: a box that reaches further beyond its image is told.
constexpr double kToldOverhang = 0.5;
constexpr std::size_t kNamedAtMost = 5;

/// Takes the entries as the parser meets them, so that the whole JSON is never in memory.
class CocoReader {
 public:
  CocoReader(std::filesystem::path path, ConverterOptions::OnBad on_bad,
             std::vector<std::string>& skipped)
      : path_(path.string()), on_bad_(on_bad), skipped_(skipped) {}

  CocoAnnotations read() {
    parse();
    if (coco_.images.empty() || coco_.categories.empty())
      throw std::invalid_argument(fmt::format(
          "[{}] no 'images' or no 'categories'; COCO's annotations of instances are needed",
          path_));
    std::ranges::sort(coco_.categories, {}, &CocoCategory::id);
    for (std::size_t i = 0; i < coco_.categories.size(); ++i)
      categories_[coco_.categories[i].id] = i;
    for (CocoEntry& raw : raw_) attempt([&] { add_object(raw); });
    raw_.clear();
    add_note("boxes reached beyond their image and were clipped", clipped_);
    add_note("objects have a box without area and were left out", flat_);
    return std::move(coco_);
  }

 private:
  void parse() {
    std::ifstream stream(path_, std::ios::binary);
    if (!stream) throw std::runtime_error(fmt::format("[{}] cannot be opened", path_));
    std::string section;
    const auto take = [&](int depth, json::parse_event_t event, json& parsed) {
      if (depth == 1 && event == json::parse_event_t::key) section = parsed.get<std::string>();
      if (depth != 2 || event != json::parse_event_t::object_end) return true;
      attempt([&] { add_entry(section, parsed); });
      return false;
    };
    try {
      [[maybe_unused]] const json rest = json::parse(stream, take);
    } catch (const json::parse_error& error) {
      throw std::runtime_error(
          fmt::format("[{}] no JSON from byte {} on: truncated or damaged", path_, error.byte));
    }
  }

  template <typename Work>
  void attempt(const Work& work) {
    try {
      work();
    } catch (const std::invalid_argument& error) {
      if (on_bad_ == ConverterOptions::OnBad::kStop) throw;
      skipped_.emplace_back(error.what());
    }
  }

  /// "FILE: annotation 7", or by its position where it has no id.
  std::string place(const char* kind, const json& entry, std::size_t position) const {
    const auto id = entry.find("id");
    return id != entry.end() && id->is_number_integer()
               ? fmt::format("{}: {} {}", path_, kind, id->get<std::int64_t>())
               : fmt::format("{}: {} at position {}", path_, kind, position);
  }

  void add_entry(const std::string& section, const json& entry) {
    if (section == "images") {
      add_image(entry, place("image", entry, coco_.images.size()));
    } else if (section == "categories") {
      const std::string where = place("category", entry, coco_.categories.size());
      coco_.categories.push_back(
          {coco_integer(entry, "id", where), coco_text(entry, "name", where)});
      if (!category_ids_.emplace(coco_.categories.back().id, 0).second)
        refuse_coco(where, "this id is there twice");
    } else if (section == "annotations") {
      raw_.push_back(read_coco_entry(entry, place("annotation", entry, annotations_++)));
      const auto id = entry.find("id");
      if (id != entry.end() && id->is_number_integer())
        raw_.back().object.id = id->get<std::int64_t>();
    }
  }

  void add_image(const json& entry, const std::string& where) {
    CocoImage image{coco_integer(entry, "id", where), coco_text(entry, "file_name", where),
                    coco_integer(entry, "height", where), coco_integer(entry, "width", where)};
    check_mask_size(image.height, image.width, where);
    if (!images_.emplace(image.id, coco_.images.size()).second)
      refuse_coco(where, "this id is there twice");
    coco_.images.push_back(std::move(image));
  }

  void add_object(CocoEntry& raw) {
    const auto image = images_.find(raw.image_id);
    const auto category = categories_.find(raw.category_id);
    if (image == images_.end())
      refuse_coco(raw.where, fmt::format("image {} is not among 'images'", raw.image_id));
    if (category == categories_.end())
      refuse_coco(raw.where, fmt::format("category {} is not among 'categories'", raw.category_id));
    raw.object.image = image->second;
    raw.object.category = category->second;
    check_segmentation(raw, coco_.images[image->second]);
    if (set_box(raw, coco_.images[image->second])) coco_.objects.push_back(std::move(raw.object));
  }

  static void check_segmentation(CocoEntry& raw, const CocoImage& image) {
    if (!raw.object.polygons.empty()) check_polygons(raw.object.polygons, raw.where);
    const bool runs = raw.uncompressed.has_value() || !raw.object.runs.empty();
    if (!runs) return;
    if (raw.height != image.height || raw.width != image.width)
      refuse_coco(raw.where, fmt::format("run lengths of {} x {} pixels, but its image has {} x {}",
                                         raw.height, raw.width, image.height, image.width));
    if (raw.uncompressed) {
      check_run_lengths(*raw.uncompressed, raw.where);
      raw.object.runs = text_from_runs(*raw.uncompressed);
    } else {
      runs_from_text(raw.object.runs, raw.height, raw.width, raw.where);
    }
  }

  /// The smallest box around the mask: x, y, width, height.
  static std::array<double, 4> box_around(const CocoEntry& raw, const CocoImage& image) {
    if (!raw.object.has_mask())
      refuse_coco(raw.where, "neither bbox nor segmentation; one of them is needed");
    const std::vector<std::uint8_t> mask = mask_of(raw.object, image, raw.where);
    std::int64_t x1 = image.width, y1 = image.height, x2 = 0, y2 = 0;
    for (std::int64_t i = 0; i < std::ssize(mask); ++i) {
      if (mask[static_cast<std::size_t>(i)] == 0) continue;
      const std::int64_t x = i % image.width, y = i / image.width;
      x1 = std::min(x1, x), y1 = std::min(y1, y), x2 = std::max(x2, x + 1),
      y2 = std::max(y2, y + 1);
    }
    if (x2 == 0) return {0, 0, 0, 0};
    return {static_cast<double>(x1), static_cast<double>(y1), static_cast<double>(x2 - x1),
            static_cast<double>(y2 - y1)};
  }

  /// False for an object to be left out: its box has no area.
  bool set_box(CocoEntry& raw, const CocoImage& image) {
    const auto [x, y, width, height] = raw.box ? *raw.box : box_around(raw, image);
    const auto right = static_cast<double>(image.width), bottom = static_cast<double>(image.height);
    if (!std::isfinite(x + y + width + height) || width < 0 || height < 0)
      refuse_coco(raw.where, fmt::format("box {} {} {} {}; x, y and a width and height of at "
                                         "least 0 are allowed",
                                         x, y, width, height));
    const bool flat = width == 0 || height == 0;
    if (!flat && (x >= right || y >= bottom || x + width <= 0 || y + height <= 0))
      refuse_coco(raw.where, fmt::format("box {} {} {} {} lies outside its image of {} x {} "
                                         "(width x height)",
                                         x, y, width, height, image.width, image.height));
    const auto clipped = [](double value, double most) {
      return static_cast<float>(std::clamp(value, 0.0, most));
    };
    raw.object.box = {clipped(x, right), clipped(y, bottom), clipped(x + width, right),
                      clipped(y + height, bottom)};
    const std::array<float, 4>& box = raw.object.box;
    if (flat || box[0] >= box[2] || box[1] >= box[3]) {
      flat_.push_back(raw.object.id);
      return false;
    }
    if (std::max({-x, -y, x + width - right, y + height - bottom}) > kToldOverhang)
      clipped_.push_back(raw.object.id);
    return true;
  }

  void add_note(const char* what, const std::vector<std::int64_t>& ids) {
    if (ids.empty()) return;
    std::string named;
    for (std::size_t i = 0; i < std::min(ids.size(), kNamedAtMost); ++i)
      named += fmt::format("{}{}", i == 0 ? "" : ", ", ids[i]);
    coco_.notes.push_back(fmt::format("{} {}: annotations {}{}", ids.size(), what, named,
                                      ids.size() > kNamedAtMost ? ", ..." : ""));
  }

  std::string path_;
  ConverterOptions::OnBad on_bad_;
  std::vector<std::string>& skipped_;
  CocoAnnotations coco_;
  std::vector<CocoEntry> raw_;
  std::map<std::int64_t, std::size_t> images_, categories_, category_ids_;
  std::size_t annotations_ = 0;
  std::vector<std::int64_t> clipped_, flat_;
};

}  // namespace

CocoAnnotations read_coco(const std::filesystem::path& path, ConverterOptions::OnBad on_bad,
                          std::vector<std::string>& skipped) {
  return CocoReader(path, on_bad, skipped).read();
}

std::vector<std::uint8_t> mask_of(const CocoObject& object, const CocoImage& image,
                                  std::string_view where) {
  if (!object.runs.empty())
    return decode_mask(runs_from_text(object.runs, image.height, image.width, where), where);
  if (!object.polygons.empty())
    return fill_polygons(object.polygons, image.height, image.width, where);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(image.height * image.width));
  const auto [x1, y1, x2, y2] = object.box;
  const auto last_row = std::lround(y2), last_column = std::lround(x2);
  for (std::int64_t y = std::lround(y1); y < last_row; ++y)
    for (std::int64_t x = std::lround(x1); x < last_column; ++x)
      mask[static_cast<std::size_t>(y * image.width + x)] = 1;
  return mask;
}

}  // namespace medsweep::datasets
