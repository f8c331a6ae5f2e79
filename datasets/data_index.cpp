#include "datasets/data_index.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "datasets/index_tables.h"

namespace medsweep::datasets {
namespace {

/// "wt 1 2 3"
std::vector<std::string> region_texts(const std::vector<Region>& regions) {
  std::vector<std::string> texts;
  for (const Region& region : regions)
    texts.push_back(fmt::format("{} {}", region.name, fmt::join(region.labels, " ")));
  return texts;
}

std::vector<Region> regions_from(const std::vector<std::string>& texts, const std::string& path) {
  std::vector<Region> regions;
  for (const std::string& text : texts) {
    std::istringstream words(text);
    Region region;
    words >> region.name;
    for (std::int64_t label = 0; words >> label;) region.labels.push_back(label);
    if (!words.eof() || region.labels.empty())
      throw std::runtime_error(
          fmt::format("[{}] region '{}'; a name and labels are allowed", path, text));
    regions.push_back(std::move(region));
  }
  return regions;
}

}  // namespace

void write_index(const Hdf5File& file, const DataIndex& index) {
  const DataFileHeader& header = index.header;
  write_attribute(file.id(), "medsweep_format", kDataFormat);
  write_attribute(file.id(), "name", header.name);
  write_attribute(file.id(), "classes", header.classes);
  write_attribute(file.id(), "channels", header.channels);
  write_attribute(file.id(), "dimension", header.dimension);
  if (!header.regions.empty()) write_attribute(file.id(), "regions", region_texts(header.regions));
  if (!header.label_codes.empty()) write_attribute(file.id(), "label_codes", header.label_codes);
  write_attribute(file.id(), "digest", index.digest);
  file.create_group("/index");
  write_index_tables(file, index);
}

DataIndex read_index(const Hdf5File& file) {
  const std::int64_t format = read_integers_attribute(file, "medsweep_format").at(0);
  if (format < 1 || format > kDataFormat)
    throw std::runtime_error(fmt::format("[{}] layout {}; this program reads up to {}", file.path(),
                                         format, kDataFormat));
  DataIndex index;
  DataFileHeader& header = index.header;
  header.name = read_text_attribute(file, "name").at(0);
  header.classes = read_text_attribute(file, "classes");
  header.channels = read_integers_attribute(file, "channels").at(0);
  header.dimension = read_integers_attribute(file, "dimension").at(0);
  if (file.has_attribute("regions"))
    header.regions = regions_from(read_text_attribute(file, "regions"), file.path());
  if (file.has_attribute("label_codes"))
    header.label_codes = read_integers_attribute(file, "label_codes");
  index.digest = read_text_attribute(file, "digest").at(0);
  read_index_tables(file, index);
  if (digest_over(index) != index.digest)
    throw std::runtime_error(
        fmt::format("[{}] its index does not have the recorded digest: damaged", file.path()));
  return index;
}

std::string array_path(const DataIndex& index, const StoredArray& array) {
  return fmt::format("/samples/{}/{}", index.samples[static_cast<std::size_t>(array.sample)].name,
                     array.name);
}

std::string digest_over(const DataIndex& index) {
  const DataFileHeader& header = index.header;
  std::string text = fmt::format("medsweep data 1\nclasses {}\nchannels {}\n",
                                 fmt::join(header.classes, " "), header.channels);
  if (header.dimension != 2) text += fmt::format("dimension {}\n", header.dimension);
  for (const std::string& region : region_texts(header.regions))
    text += fmt::format("region {}\n", region);
  if (!header.label_codes.empty())
    text += fmt::format("label_codes {}\n", fmt::join(header.label_codes, " "));
  return sha256_hex(text + fmt::format("{}\n", fmt::join(index.sample_digests, "\n")));
}

}  // namespace medsweep::datasets
