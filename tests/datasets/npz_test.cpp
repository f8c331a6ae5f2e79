#include "datasets/converters/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libdeflate.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "datasets/converters/numpy_array.h"
#include "tests/datasets/made_images.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

const nlohmann::json& golden_arrays() {
  static const nlohmann::json arrays = nlohmann::json::parse(
      read_file(std::filesystem::path(MEDSWEEP_SOURCE_DIR) / "tests/golden/numpy_arrays.json"));
  return arrays;
}

TEST(NumpyArray, EveryTypeAndOrderIsReadAsNumpyHasIt) {
  for (const auto& [name, entry] : golden_arrays()["npy"].items()) {
    SCOPED_TRACE(name);
    const torch::Tensor values = parse_numpy_array(text_from_base64(entry["file"]), name);
    EXPECT_EQ(values.sizes().vec(), entry["shape"].get<std::vector<std::int64_t>>());
    EXPECT_TRUE(
        torch::equal(values.flatten().to(torch::kFloat64),
                     torch::tensor(entry["values"].get<std::vector<double>>(), torch::kFloat64)))
        << values;
  }
}

TEST(NumpyArray, WhatIsNoNumbersIsNamed) {
  const auto expect_refused = [](const char* name, const char* text) {
    const std::string bytes = text_from_base64(golden_arrays()["refused"][name]);
    EXPECT_THAT([&] { parse_numpy_array(bytes, "a.npy"); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
  };
  expect_refused("object", "[a.npy] elements of type O");
  expect_refused("text", "[a.npy] elements of type U");
  expect_refused("complex", "[a.npy] elements of type c");
  expect_refused("empty", "[a.npy] an array of zero size");
  EXPECT_THAT([] { parse_numpy_array("no array at all", "a.npy"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("[a.npy] no array of NumPy")));
}

TEST(NumpyArray, EveryEarlyEndIsAnError) {
  const std::string bytes = text_from_base64(golden_arrays()["npy"]["int16"]["file"]);
  for (std::size_t kept = 0; kept < bytes.size(); ++kept)
    EXPECT_ANY_THROW(parse_numpy_array(bytes.substr(0, kept), "a.npy")) << kept;
}

TEST(NumpyArray, AHeaderThatLiesIsAnError) {
  const std::string bytes = text_from_base64(golden_arrays()["npy"]["int16"]["file"]);
  for (const char* shape : {"(2000000000, 2000000000)", "(99999999999, 9)", "(4, 9)", "(-1, 3)"}) {
    std::string lying = bytes;
    lying.replace(lying.find("(2, 3)"), std::string(shape).size(), shape);
    EXPECT_ANY_THROW(parse_numpy_array(lying, "a.npy")) << shape;
  }
}

/// A folder with arrays in it; an array's file is NumPy's own format, written here.
class Npz : public testing::Test {
 protected:
  static std::string npy(const torch::Tensor& values) {
    const std::map<torch::ScalarType, std::string> types{
        {torch::kUInt8, "|u1"}, {torch::kInt16, "<i2"},   {torch::kInt32, "<i4"},
        {torch::kInt64, "<i8"}, {torch::kFloat32, "<f4"}, {torch::kFloat64, "<f8"}};
    std::string shape;
    for (const std::int64_t size : values.sizes()) shape += std::to_string(size) + ", ";
    std::string header = "{'descr': '" + types.at(values.scalar_type()) +
                         "', 'fortran_order': False, 'shape': (" + shape + "), }";
    header += std::string(128 - 10 - header.size() - 1, ' ') + "\n";
    const torch::Tensor whole = values.contiguous();
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header +
           std::string(static_cast<const char*>(whole.const_data_ptr()), whole.nbytes());
  }
  static std::string number(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
    return text;
  }
  /// A zip of stored .npy files.
  void add_npz(const std::string& name, const std::map<std::string, torch::Tensor>& arrays) const {
    std::string zip, directory;
    for (const auto& [array, values] : arrays) {
      const std::string bytes = npy(values), file = array + ".npy";
      const std::string common =
          number(0, 8) + number(libdeflate_crc32(0, bytes.data(), bytes.size()), 4) +
          number(bytes.size(), 4) + number(bytes.size(), 4) + number(file.size(), 2) + number(0, 2);
      directory += "PK\x01\x02" + number(20, 2) + number(20, 2) + common + number(0, 10) +
                   number(zip.size(), 4) + file;
      zip += "PK\x03\x04" + number(20, 2) + common + file + bytes;
    }
    const std::string end = "PK\x05\x06" + number(0, 4) + number(arrays.size(), 2) +
                            number(arrays.size(), 2) + number(directory.size(), 4) +
                            number(zip.size(), 4) + number(0, 2);
    write_file_atomically(folder_ / name, zip + directory + end);
  }
  void add_npy(const std::string& name, const torch::Tensor& values) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    write_file_atomically(folder_ / name, npy(values));
  }
  ConversionPlan plan(ConverterOptions options = {}) const {
    options.source = folder_.path();
    return plan_npz(options);
  }
  void expect_refused(const std::string& text, const ConverterOptions& options = {}) const {
    EXPECT_THAT([&] { samples_of(plan(options)); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
  }
  TemporaryFolder folder_;
  const torch::Tensor image_ = torch::arange(3 * 4 * 5).reshape({3, 4, 5}).to(torch::kInt16);
  const torch::Tensor labels_ = torch::arange(20).reshape({4, 5}).remainder(2);
};

TEST_F(Npz, AnImageAndItsLabelsAreOneSample) {
  add_npz("a.npz", {{"image", image_}, {"label", labels_}});
  add_npz("b.npz",
          {{"x", image_.permute({1, 2, 0}).to(torch::kUInt8)}, {"y", labels_.to(torch::kFloat32)}});
  const ConversionPlan found = plan();
  EXPECT_EQ(found.header.channels, 3);
  EXPECT_THAT(found.header.classes, ElementsAre("foreground"));
  const auto samples = samples_of(found);
  EXPECT_TRUE(torch::equal(samples.at("a").image, image_));
  EXPECT_TRUE(torch::equal(samples.at("a").labels, labels_.to(torch::kUInt8)));
  EXPECT_TRUE(torch::equal(samples.at("b").image, image_.to(torch::kUInt8)));
  EXPECT_TRUE(torch::equal(samples.at("b").labels, labels_.to(torch::kUInt8)));
  EXPECT_EQ(samples.at("b").id.patient, "b");
}

TEST_F(Npz, AStackIsTheSlicesOfACase) {
  add_npz("a.npz", {{"images", image_}, {"masks", labels_.repeat({3, 1, 1})}});
  const ConversionPlan found = plan();
  EXPECT_EQ(found.header.channels, 1);
  const auto samples = samples_of(found);
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples.at("a/2").id.case_name, "a");
  EXPECT_EQ(samples.at("a/2").id.slice, 2);
  EXPECT_TRUE(torch::equal(samples.at("a/2").image[0], image_[2]));
}

TEST_F(Npz, PairsOfNpyAreFoundByTheirFolders) {
  add_npy("images/p1-a.npy", image_[0].to(torch::kInt64) * 10000);
  add_npy("masks/p1-a.npy", labels_);
  ConverterOptions options;
  options.patient = "^(p[0-9])";
  const RawSample sample = samples_of(plan(options)).at("p1-a");
  EXPECT_EQ(sample.image.scalar_type(), torch::kFloat32);  // 190000 is no int16
  EXPECT_EQ(sample.image[0][3][4].item<double>(), 190000);
  EXPECT_EQ(sample.id.patient, "p1");
}

TEST_F(Npz, PatternsAndALabelMapMayBeGiven) {
  add_npy("a_ct.npy", image_[0]);
  add_npy("a_seg.npy", labels_ * 40);
  write_file_atomically(folder_ / "map.csv", "code,name\n40,liver\n7,spleen\n");
  ConverterOptions options;
  options.images = "*_ct.npy";
  options.labels = "*_seg.npy";
  options.label_map = folder_ / "map.csv";
  const ConversionPlan found = plan(options);
  EXPECT_THAT(found.header.classes, ElementsAre("liver", "spleen"));
  EXPECT_THAT(found.header.label_codes, ElementsAre(40, 7));
  EXPECT_TRUE(torch::equal(samples_of(found).at("a").labels, labels_.to(torch::kUInt8)));
}

TEST_F(Npz, ArraysThatAreMissingAreNamed) {
  add_npz("a.npz", {{"image", image_}, {"spacing", labels_}});
  expect_refused("a.npz] no array label, labels, mask, masks, seg, y in it, but image, spacing");
}

TEST_F(Npz, ShapesThatDoNotFitAreNamed) {
  add_npz("a.npz", {{"image", image_}, {"label", labels_.slice(0, 1)}});
  expect_refused("a.npz] an image of 3 x 4 x 5 and labels of 3 x 5");
}

TEST_F(Npz, BadValuesAreNamed) {
  add_npz("a.npz", {{"image", image_}, {"label", labels_ * 2}});
  expect_refused("a.npz] unknown label 2 at x 1, y 0");
  add_npz("a.npz", {{"image", image_}, {"label", labels_ * 0.5}});
  expect_refused("a.npz] labels that are no whole numbers");
  add_npz("a.npz", {{"image", image_ / 0.0F}, {"label", labels_}});
  expect_refused("a.npz] values that are not finite");
}

TEST_F(Npz, AnotherNumberOfChannelsIsNamed) {
  add_npz("a.npz", {{"image", image_}, {"label", labels_}});
  add_npz("b.npz", {{"image", image_[0]}, {"label", labels_}});
  expect_refused("b.npz] 1 channels, but the first file has 3");
}

TEST_F(Npz, AMissingPartnerIsNamed) {
  add_npy("images/a.npy", image_[0]);
  expect_refused("images/a.npy] has no labels called 'a'");
}

TEST_F(Npz, NumpysOwnZipsAreRead) {
  for (const char* name : {"stored", "deflated"}) {
    write_file_atomically(folder_ / "a.npz", text_from_base64(golden_arrays()["npz"][name]));
    const auto arrays = read_npz(folder_ / "a.npz");
    ASSERT_EQ(arrays.size(), 2u);
    EXPECT_TRUE(torch::equal(arrays.at("x"), torch::arange(24).reshape({4, 6}))) << name;
    EXPECT_TRUE(torch::equal(arrays.at("y"), torch::arange(3).to(torch::kFloat32))) << name;
  }
}

TEST_F(Npz, EveryEarlyEndAndEveryFlippedByteOfAZipIsAnError) {
  for (const char* name : {"stored", "deflated"}) {
    const std::string bytes = text_from_base64(golden_arrays()["npz"][name]);
    for (std::size_t kept = 0; kept < bytes.size(); kept += 7) {
      write_file_atomically(folder_ / "a.npz", bytes.substr(0, kept));
      EXPECT_ANY_THROW(read_npz(folder_ / "a.npz")) << name << kept;
    }
    std::string damaged = bytes;
    const std::size_t inside = bytes.find("x.npy") + 40;
    damaged[inside] = static_cast<char>(damaged[inside] ^ 4);
    write_file_atomically(folder_ / "a.npz", damaged);
    EXPECT_THAT([&] { read_npz(folder_ / "a.npz"); },
                ThrowsMessage<std::runtime_error>(HasSubstr("a.npz] a zip that is truncated")))
        << name;
  }
}

TEST_F(Npz, AFolderWithoutArraysIsNamed) { expect_refused("no arrays in it"); }

}  // namespace
}  // namespace medsweep::datasets
