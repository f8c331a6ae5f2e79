// source_digests ROOT OUTPUT: the digests of the sources behind each file pair, as lines of a
// C++ initializer. The output is written only where it changes, so that nothing is rebuilt in vain.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "sweeps/source_digests.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: source_digests ROOT OUTPUT\n");
    return 2;
  }
  try {
    const std::filesystem::path output = argv[2];
    std::string text;
    for (const auto& [stem, digest] : medsweep::sweeps::source_digests(argv[1]))
      text += fmt::format("{{\"{}\", \"{}\"}},\n", stem, digest);
    if (std::filesystem::exists(output) && medsweep::read_file(output) == text) return 0;
    if (output.has_parent_path()) std::filesystem::create_directories(output.parent_path());
    medsweep::write_file_atomically(output, text);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
