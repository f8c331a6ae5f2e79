// Zips, PNG palettes and what is looked at in image files before a decoder, out of any bytes, are
// read or refused as std::invalid_argument or std::runtime_error.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "datasets/converters/image_bytes.h"
#include "datasets/converters/palette_png.h"
#include "datasets/converters/zip_entries.h"

namespace {

using namespace medsweep::datasets;

template <typename Work>
void attempt(const Work& work) {
  try {
    work();
  } catch (const std::invalid_argument&) {  // allowed: not as it should be
  } catch (const std::runtime_error&) {     // allowed: damaged
  }
}

}  // namespace

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
