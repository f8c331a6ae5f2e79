#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/converters/converters.h"
#include "datasets/converters/polygons.h"

namespace medsweep::datasets {

/// An entry of "images".
struct CocoImage {
  std::int64_t id = 0;
  std::string file_name;  ///< may have folders
  std::int64_t height = 0, width = 0;
};

/// An entry of "categories".
struct CocoCategory {
  std::int64_t id = 0;  ///< ids have holes: COCO's 80 categories go up to 90
  std::string name;     ///< as in the file, "traffic light"
};

/// An entry of "annotations", checked: its category is known, its box within its image, its mask
/// decodes to the image's size.
struct CocoObject {
  std::int64_t id = 0;
  std::size_t image = 0;       ///< row of CocoAnnotations::images
  std::size_t category = 0;    ///< row of CocoAnnotations::categories
  std::array<float, 4> box{};  ///< x1, y1, x2, y2 in pixels, clipped to the image
  bool crowd = false;          ///< "iscrowd" or "ignore"
  std::vector<Polygon> polygons{};
  std::string runs{};  ///< compressed (run_lengths.h); empty where there are polygons or neither
  bool has_mask() const { return !polygons.empty() || !runs.empty(); }
};

struct CocoAnnotations {
  std::vector<CocoImage> images;         ///< in the file's order
  std::vector<CocoCategory> categories;  ///< by id
  std::vector<CocoObject> objects;       ///< in the file's order
  std::vector<std::string> notes{};      ///< what was clipped or left out, and why
};

/// Reads a JSON file in COCO's format: an object with "images", "annotations" and "categories";
/// whatever else it has ("info", "licenses", captions, key points) is passed over, and memory holds
/// one raw entry at a time. A segmentation is a list of polygons (or one), run lengths as a list or
/// as compressed text, or absent; without "bbox" the box is the mask's. Objects whose box has no
/// area are left out with a note, as torchvision's training does; boxes that reach beyond their
/// image are clipped with a note.
///
/// Throws std::invalid_argument "[FILE: annotation 7] ..." for a malformed entry, an unknown image
/// or category, an id that is there twice, a box outside its image, a mask of another size than its
/// image, and what run_lengths.h and polygons.h refuse; with OnBad::kSkip such an entry is left out
/// and its text appended to `skipped`. Throws std::runtime_error for what is no JSON to its end.
CocoAnnotations read_coco(const std::filesystem::path& path, ConverterOptions::OnBad on_bad,
                          std::vector<std::string>& skipped);

/// The pixels of an object, [height, width] row-major; a filled box where it has no mask.
std::vector<std::uint8_t> mask_of(const CocoObject& object, const CocoImage& image,
                                  std::string_view where);

}  // namespace medsweep::datasets
