// Run lengths out of any text or numbers, and polygons with any corners, become masks or are
// refused as std::invalid_argument; a mask that comes out goes in and out again unchanged.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "datasets/converters/polygons.h"
#include "datasets/converters/run_lengths.h"

namespace {

using namespace medsweep::datasets;

void check_mask(const std::vector<std::uint8_t>& mask, std::int64_t height, std::int64_t width) {
  const RunLengths runs = encode_mask(mask, height, width);
  if (decode_mask(runs, "again") != mask) std::abort();
  if (runs_from_text(text_from_runs(runs), height, width, "again") != runs) std::abort();
}

/// The bytes as numbers of eight bytes.
template <typename Number>
std::vector<Number> numbers_in(std::string_view bytes) {
  std::vector<Number> numbers(bytes.size() / sizeof(Number));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(Number));
  return numbers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const int form = data[0] % 3;
  const std::int64_t height = data[1], width = data[2];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 3, size - 3);
  try {
    if (form == 0)
      check_mask(decode_mask(runs_from_text(rest, height, width, "fuzz"), "fuzz"), height, width);
    if (form == 1)
      check_mask(decode_mask({height, width, numbers_in<std::int64_t>(rest)}, "fuzz"), height,
                 width);
    if (form == 2)
      check_mask(fill_polygons({numbers_in<double>(rest.substr(0, 512))}, height, width, "fuzz"),
                 height, width);
  } catch (const std::invalid_argument&) {  // allowed: no mask
  }
  return 0;
}
