#include "datasets/converters/image_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libdeflate.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "datasets/converters/palette_png.h"
#include "tests/datasets/made_images.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;
using Json = nlohmann::json;

/// Nested lists of numbers -> [H, W] or [H, W, 3] int64.
torch::Tensor tensor_of(const Json& rows) {
  const bool colored = rows[0][0].is_array();
  const auto height = static_cast<std::int64_t>(rows.size());
  const auto width = static_cast<std::int64_t>(rows[0].size());
  std::vector<std::int64_t> values;
  for (const Json& row : rows)
    for (const Json& pixel : row)
      for (const Json& value : colored ? pixel : Json::array({pixel})) values.push_back(value);
  return torch::tensor(values).reshape({height, width, colored ? 3 : 1}).permute({2, 0, 1});
}

Json golden_images() {
  return Json::parse(
      read_file(std::filesystem::path(MEDSWEEP_SOURCE_DIR) / "tests/golden/image_files.json"));
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  const Json images = golden_images();
  for (const auto& [name, entry] : images.items()) names.push_back(name);
  return names;
}

class ImageFilesGolden : public testing::TestWithParam<std::string> {};

TEST_P(ImageFilesGolden, ReadsWhatPillowReads) {
  const Json entry = golden_images()[GetParam()];
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "an image";  // the bytes decide, not the ending
  write_file_atomically(path, text_from_base64(entry["file"]));
  const auto equals = [&](const char* key, ColorKind kind) {
    EXPECT_TRUE(torch::equal(read_image(path, kind).to(torch::kInt64), tensor_of(entry[key])))
        << key << read_image(path, kind) << tensor_of(entry[key]);
  };
  if (entry.contains("rgb")) equals("rgb", ColorKind::kRgb);
  if (entry.contains("gray")) equals("gray", ColorKind::kGray);
  if (entry.contains("stored"))
    equals("stored", ColorKind::kStored);
  else
    equals("rgb", ColorKind::kStored);
  if (!entry.contains("numbers")) return;
  EXPECT_TRUE(
      torch::equal(read_label_image(path).to(torch::kInt64), tensor_of(entry["numbers"])[0]));
}

INSTANTIATE_TEST_SUITE_P(Kinds, ImageFilesGolden, testing::ValuesIn(golden_names()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

class ImageFiles : public testing::Test {
 protected:
  std::filesystem::path golden(const std::string& name) const {
    write_file_atomically(folder_ / name, text_from_base64(golden_images()[name]["file"]));
    return folder_ / name;
  }
  template <typename Error>
  void expect_refused(const std::filesystem::path& path, const std::string& text) const {
    EXPECT_THAT([&] { read_image(path, ColorKind::kStored); },
                ThrowsMessage<Error>(AllOf(HasSubstr(path.filename().string() + "]"),
                                           HasSubstr(text), Not(HasSubstr("\n")))));
  }
  TemporaryFolder folder_;
};

TEST_F(ImageFiles, SixteenBitsAreInt16WhereTheyFit) {
  EXPECT_EQ(read_image(golden("sixteen_bits_small.png"), ColorKind::kStored).scalar_type(),
            torch::kInt16);
  EXPECT_EQ(read_image(golden("sixteen_bits.png"), ColorKind::kGray).scalar_type(),
            torch::kFloat32);
  EXPECT_EQ(read_image(golden("gray.png"), ColorKind::kStored).scalar_type(), torch::kUInt8);
}

TEST_F(ImageFiles, GzipIsUnpackedAndChecked) {
  const std::string plain = read_file(golden("rgb.ppm"));
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string packed(libdeflate_gzip_compress_bound(compressor, plain.size()), '\0');
  packed.resize(libdeflate_gzip_compress(compressor, plain.data(), plain.size(), packed.data(),
                                         packed.size()));
  libdeflate_free_compressor(compressor);
  write_file_atomically(folder_ / "a.ppm.gz", packed);
  EXPECT_TRUE(torch::equal(read_image(folder_ / "a.ppm.gz", ColorKind::kRgb),
                           read_image(folder_ / "rgb.ppm", ColorKind::kRgb)));
  for (const std::size_t kept : {packed.size() - 1, packed.size() / 2, std::size_t{20}}) {
    write_file_atomically(folder_ / "a.ppm.gz", packed.substr(0, kept));
    expect_refused<std::runtime_error>(folder_ / "a.ppm.gz", "gzip data are truncated or damaged");
  }
  packed[packed.size() - 6] = static_cast<char>(packed[packed.size() - 6] ^ 1);
  write_file_atomically(folder_ / "a.ppm.gz", packed);
  expect_refused<std::runtime_error>(folder_ / "a.ppm.gz", "gzip data are truncated or damaged");
}

TEST_F(ImageFiles, AnEarlyEndIsToldForEveryFormat) {
  const torch::Tensor large = (torch::arange(3 * 60 * 50).reshape({3, 60, 50}) * 7919 % 256)
                                  .to(torch::kUInt8);  // several scan lines of data
  for (const char* ending : {"png", "jpg", "tif", "bmp", "ppm"}) {
    const std::filesystem::path path = folder_ / (std::string("large.") + ending);
    write_made_image(path, large);
    const auto size = static_cast<double>(std::filesystem::file_size(path));
    for (const double kept : {0.95, 0.6, 0.1}) {
      std::filesystem::resize_file(path, static_cast<std::uintmax_t>(size * kept));
      SCOPED_TRACE(kept);
      expect_refused<std::runtime_error>(path, "");
    }
  }
  write_made_gif(folder_ / "large.gif", large[0] % 2);
  std::filesystem::resize_file(folder_ / "large.gif",
                               std::filesystem::file_size(folder_ / "large.gif") / 2);
  expect_refused<std::runtime_error>(folder_ / "large.gif", "truncated or damaged");
}

TEST_F(ImageFiles, WhatIsNoImageIsTold) {
  write_file_atomically(folder_ / "a.png", "patient,age\n1,2\n");
  expect_refused<std::runtime_error>(folder_ / "a.png", "no known image format");
  write_file_atomically(folder_ / "a.png", "");
  expect_refused<std::runtime_error>(folder_ / "a.png", "an empty file");
  expect_refused<std::invalid_argument>(folder_ / "absent.png", "no such file");
}

TEST_F(ImageFiles, ADamagedPngIsTold) {
  std::string bytes = read_file(golden("rgb.png"));
  bytes[60] = static_cast<char>(bytes[60] ^ 0x55);  // in its pixels, which have a checksum
  write_file_atomically(folder_ / "a.png", bytes);
  expect_refused<std::runtime_error>(folder_ / "a.png", "cannot be decoded");
}

TEST_F(ImageFiles, ZeroSizeIsTold) {
  std::string png = read_file(golden("gray.png"));
  png[19] = 0;
  write_file_atomically(folder_ / "a.png", png);
  expect_refused<std::invalid_argument>(folder_ / "a.png", "a PNG of 0 x 5 pixels");
  std::string jpeg = read_file(golden("gray.jpg"));
  const std::size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  jpeg[frame + 6] = 0;
  write_file_atomically(folder_ / "a.jpg", jpeg);
  expect_refused<std::invalid_argument>(folder_ / "a.jpg", "a JPEG of 7 x 0 pixels");
  write_file_atomically(folder_ / "a.pgm", "P5 # of nothing\n0 12\n255\n");
  expect_refused<std::invalid_argument>(folder_ / "a.pgm", "a PNM of 0 x 12 pixels");
  std::string bmp = read_file(golden("gray.bmp"));
  bmp[22] = 0;
  write_file_atomically(folder_ / "a.bmp", bmp);
  expect_refused<std::invalid_argument>(folder_ / "a.bmp", "a BMP of 7 x 0 pixels");
  std::string gif = read_file(golden("gray.gif"));
  gif[6] = 0;
  write_file_atomically(folder_ / "a.gif", gif);
  expect_refused<std::invalid_argument>(folder_ / "a.gif", "a GIF of 0 x 5 pixels");
}

TEST_F(ImageFiles, AMaskIsWhatReachesTheThreshold) {
  const torch::Tensor levels = torch::tensor({{0, 127, 128, 255}}, torch::kUInt8);
  write_made_image(folder_ / "a.png", levels);
  EXPECT_TRUE(
      torch::equal(read_mask(folder_ / "a.png"), torch::tensor({{0, 0, 1, 1}}, torch::kUInt8)));
  EXPECT_TRUE(
      torch::equal(read_mask(folder_ / "a.png", 1), torch::tensor({{0, 1, 1, 1}}, torch::kUInt8)));
  write_made_image(folder_ / "rgb.png", levels.expand({3, 1, 4}));
  EXPECT_TRUE(torch::equal(read_mask(folder_ / "rgb.png"), read_mask(folder_ / "a.png")));
}

TEST_F(ImageFiles, AnEmptyMaskIsEmptyAndAFaintOneIsTold) {
  write_made_image(folder_ / "a.png", torch::zeros({4, 4}, torch::kUInt8));
  EXPECT_EQ(read_mask(folder_ / "a.png").sum().item<int>(), 0);
  write_made_image(folder_ / "a.png", torch::eye(4).to(torch::kUInt8));
  EXPECT_THAT([&] { read_mask(folder_ / "a.png"); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("a.png] its brightest pixel is 1; a mask has pixels of 128 and more")));
  EXPECT_EQ(read_mask(folder_ / "a.png", 1).sum().item<int>(), 4);
}

TEST_F(ImageFiles, SixteenBitsAreNoMask) {
  EXPECT_THAT([&] { read_mask(golden("sixteen_bits.png")); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("sixteen_bits.png] 16-bit PNG where 8 bits were expected")));
  EXPECT_THAT([&] { read_label_image(golden("sixteen_bits.tif")); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("sixteen_bits.tif] 16-bit TIFF where 8 bits were expected")));
}

TEST_F(ImageFiles, LabelsAreGreyLevelsAsStored) {
  const torch::Tensor levels = torch::tensor({{0, 1, 2, 7, 255}}, torch::kUInt8);
  write_made_image(folder_ / "a.png", levels);
  EXPECT_TRUE(torch::equal(read_label_image(folder_ / "a.png"), levels));
  write_made_image(folder_ / "a.png", levels.expand({3, 1, 5}));
  EXPECT_TRUE(torch::equal(read_label_image(folder_ / "a.png"), levels));
  EXPECT_THAT([&] { read_label_image(golden("rgb.png")); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("rgb.png] a coloured image; grey levels are allowed")));
}

TEST_F(ImageFiles, ADamagedPaletteIsTold) {
  std::string bytes = read_file(golden("palette_of_many.png"));
  bytes[28] = 1;
  EXPECT_THAT([&] { read_palette_indices(bytes, "a.png"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("[a.png] an interlaced palette")));
  bytes[28] = 0;
  bytes[bytes.find("IDAT") + 8] ^= 0x5A;
  EXPECT_THAT([&] { read_palette_indices(bytes, "a.png"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("[a.png] cannot be decoded")));
  EXPECT_FALSE(read_palette_indices(read_file(golden("palette_of_greys.png")), "a.png"));
  EXPECT_FALSE(read_palette_indices(read_file(golden("rgb.png")), "a.png"));
}

TEST_F(ImageFiles, APngThatIsWrittenIsReadAlike) {
  const torch::Tensor rgb = tensor_of(golden_images()["rgb.png"]["rgb"]).to(torch::kUInt8);
  write_png(folder_ / "a.png", rgb);
  EXPECT_TRUE(torch::equal(read_image(folder_ / "a.png", ColorKind::kStored), rgb));
  write_png(folder_ / "a.png", rgb[1]);
  EXPECT_TRUE(torch::equal(read_image(folder_ / "a.png", ColorKind::kStored)[0], rgb[1]));
  EXPECT_THAT([&] { write_png(folder_ / "a.png", rgb.to(torch::kFloat32)); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("a.png] 3 x 5 x 7 of Float")));
  EXPECT_THROW(write_png(folder_ / "absent" / "a.png", rgb), std::runtime_error);
}

}  // namespace
}  // namespace medsweep::datasets
