// Zips, PNG palettes and what is looked at in image files before a decoder, out of any bytes, are
// read or refused as std::invalid_argument or std::runtime_error.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "datasets/converters/image_bytes.h"
#include "datasets/converters/palette_png.h"
#include "datasets/converters/zip_entries.h"
#include "tests/fuzz/attempt.h"

using namespace medsweep;
using namespace medsweep::datasets;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  attempt([&] { read_zip(bytes, "fuzz"); });
  attempt([&] { inspect_image_bytes(bytes, "fuzz"); });
  attempt([&] {
    const auto found = read_palette_indices(bytes, "fuzz");
    if (found && std::ssize(found->indices) != found->height * found->width) std::abort();
  });
  return 0;
}
