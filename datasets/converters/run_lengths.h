#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep::datasets {

/// Run lengths of a binary mask as COCO has them: how many pixels are 0, how many 1, how many 0,
/// ... down the columns, column after column (y runs fastest). The first run may be 0, and no other
/// is where this program writes them. Lin et al.: Microsoft COCO, ECCV 2014; the COCO API's mask
/// format.
///
/// `where` stands in error texts: a file and the annotation's id. All of it is free of torch.
struct RunLengths {
  std::int64_t height = 0, width = 0;
  std::vector<std::int64_t> counts{};
  bool operator==(const RunLengths&) const = default;
};

/// The largest mask that is taken, in pixels.
inline constexpr std::int64_t kMaximumMaskPixels = std::int64_t{1} << 31;

/// Throws std::invalid_argument for a size that is not positive or too large.
void check_mask_size(std::int64_t height, std::int64_t width, std::string_view where);

/// The same, and for a negative run and runs that do not add up to height x width.
void check_run_lengths(const RunLengths& runs, std::string_view where);

/// [height, width] in row-major order, 0 and 1. Checks first, as above.
std::vector<std::uint8_t> decode_mask(const RunLengths& runs, std::string_view where);

/// `mask`: height x width values in row-major order; what is not 0 is inside.
/// Throws std::invalid_argument where its length is another.
RunLengths encode_mask(const std::vector<std::uint8_t>& mask, std::int64_t height,
                       std::int64_t width);

/// COCO's compressed text: each run, from the third on as a difference to the run two before, in
/// groups of five bits, lowest first, each with a bit that says whether another follows, plus 48;
/// negative numbers in two's complement, sign-extended from the last group.
/// Throws std::invalid_argument that names the place of a character outside '0' ... 'o', a number
/// that ends too early or exceeds 64 bits, and what check_run_lengths refuses.
RunLengths runs_from_text(std::string_view text, std::int64_t height, std::int64_t width,
                          std::string_view where);
std::string text_from_runs(const RunLengths& runs);

/// Pixels inside.
std::int64_t area_of(const RunLengths& runs);

}  // namespace medsweep::datasets
