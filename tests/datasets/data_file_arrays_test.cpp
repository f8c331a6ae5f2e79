// Volumes, objects, regions and every compression in a data file.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/files.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// 2 x 70 x 65 x 130: more than one chunk along each axis, none of them full at the end.
RawSample made_volume() {
  RawSample sample;
  sample.image =
      torch::arange(2 * 70 * 65 * 130).reshape({2, 70, 65, 130}).remainder(30011).to(torch::kInt16);
  sample.labels =
      torch::arange(70 * 65 * 130).reshape({70, 65, 130}).remainder(4).to(torch::kUInt8);
  sample.field_of_view = torch::ones({70, 65, 130}, torch::kUInt8);
  sample.id.name = sample.id.case_name = sample.id.patient = "brain1";
  sample.id.spacing = {3, 1, 1};
  sample.id.affine = {-1, 0, 0, 90, 0, -1, 0, 126, 0, 0, 3, -72};
  sample.id.fold = 2;
  return sample;
}

DataFileHeader volume_header() {
  return {.name = "brains",
          .classes = {"ncr", "ed", "et"},
          .channels = 2,
          .dimension = 3,
          .regions = {{"wt", {1, 2, 3}}, {"tc", {1, 3}}},
          .label_codes = {1, 2, 4}};
}

RawSample with_objects(std::int64_t count) {
  RawSample sample = made_sample(0);
  torch::Tensor masks = torch::zeros({count, 20, 31}, torch::kUInt8);
  std::vector<float> boxes;
  for (std::int64_t i = 0; i < count; ++i) {
    masks[i].slice(0, 2 + i, 6 + i).slice(1, 3, 9).fill_(1);
    boxes.insert(boxes.end(), {3, static_cast<float>(2 + i), 9, static_cast<float>(6 + i)});
  }
  sample.instances = {torch::tensor(boxes).reshape({count, 4}).to(torch::kFloat32),
                      torch::ones({count}, torch::kUInt8), torch::zeros({count}, torch::kUInt8),
                      masks};
  return sample;
}

void write_one(const std::filesystem::path& path, const RawSample& sample,
               const DataFileHeader& header, Compression compression = Compression::kDeflate) {
  DataFileWriter writer(path, header);
  writer.add(encode(sample, header, compression));
  writer.finish();
}

class EveryCompression : public testing::TestWithParam<Compression> {};

TEST_P(EveryCompression, AVolumeReadsBackWholeAndInBoxes) {
  const TemporaryFolder folder;
  const RawSample made = made_volume();
  write_one(folder / "a.h5", made, volume_header(), GetParam());
  const DataFile file(folder / "a.h5");
  EXPECT_EQ(file.header(), volume_header());
  const RawSample read = file.read(0);
  EXPECT_EQ(digest_of(read), digest_of(made));
  EXPECT_EQ(read.id.affine, made.id.affine);
  EXPECT_EQ(read.id.fold, 2);
  EXPECT_EQ(file.sizes()[0], (Extent{65, 130, 70}));
  for (const auto& [first, extent] :
       {std::pair<std::array<std::int64_t, 3>, Extent>{{0, 0, 0}, {65, 130, 70}},
        {{60, 10, 120}, {50, 10, 10}},
        {{69, 64, 129}, {1, 1, 1}},
        {{3, 0, 60}, {64, 8, 64}}}) {
    const RawSample box = file.read_box(0, first, extent);
    const auto cut = [&](const torch::Tensor& from) {
      return from.narrow(-3, first[0], extent.depth)
          .narrow(-2, first[1], extent.height)
          .narrow(-1, first[2], extent.width);
    };
    EXPECT_TRUE(box.image.equal(cut(made.image)));
    EXPECT_TRUE(box.labels.equal(cut(made.labels)));
    EXPECT_TRUE(box.field_of_view.equal(cut(made.field_of_view)));
  }
  EXPECT_THROW(file.read_box(0, {1, 0, 0}, {65, 130, 70}), std::out_of_range);
}

TEST_P(EveryCompression, ADamagedChunkIsAnError) {
  const TemporaryFolder folder;
  write_one(folder / "a.h5", made_volume(), volume_header(), GetParam());
  std::string bytes = read_file(folder / "a.h5");
  const std::string chunk = GetParam() == Compression::kNone ? bytes.substr(20'000, 64) : "";
  bytes[40'000] = static_cast<char>(bytes[40'000] ^ 1);
  write_file_atomically(folder / "a.h5", bytes);
  EXPECT_THAT([&] { DataFile(folder / "a.h5").read(0); },
              ThrowsMessage<std::runtime_error>(HasSubstr("brain1")));
}

INSTANTIATE_TEST_SUITE_P(All, EveryCompression,
                         testing::Values(Compression::kNone, Compression::kDeflate,
                                         Compression::kZstd),
                         [](const auto& info) { return compression_name(info.param); });

TEST(DataFileArrays, TheDigestDoesNotDependOnTheCompression) {
  const TemporaryFolder folder;
  write_one(folder / "a.h5", made_volume(), volume_header(), Compression::kNone);
  write_one(folder / "b.h5", made_volume(), volume_header(), Compression::kZstd);
  EXPECT_EQ(DataFile(folder / "a.h5").digest(), DataFile(folder / "b.h5").digest());
}

TEST(DataFileArrays, AVolumeThatH5repackRewroteReadsTheSame) {
  if (std::system("command -v h5repack >/dev/null") != 0)
    GTEST_SKIP() << "h5repack is not installed (hdf5-tools)";
  const TemporaryFolder folder;
  write_one(folder / "a.h5", made_volume(), volume_header());
  for (const char* options : {"", "-f NONE", "-f GZIP=1", "-l CONTI"}) {
    const std::string command = fmt::format("h5repack {} {} {}", options,
                                            (folder / "a.h5").string(), (folder / "b.h5").string());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    EXPECT_EQ(digest_of(DataFile(folder / "b.h5").read(0)), digest_of(made_volume())) << options;
    EXPECT_TRUE(DataFile(folder / "b.h5")
                    .read_box(0, {60, 10, 120}, {50, 10, 10})
                    .image.equal(
                        made_volume().image.narrow(1, 60, 10).narrow(2, 10, 50).narrow(3, 120, 10)))
        << options;
  }
}

TEST(DataFileArrays, ObjectsReadBackAndNoneIsKnownFromUnknown) {
  const TemporaryFolder folder;
  const DataFileHeader header{.name = "cells", .classes = {"rv", "myo", "lv"}};
  for (const std::int64_t count : {0, 1, 3}) {
    write_one(folder / "a.h5", with_objects(count), header);
    const RawSample read = DataFile(folder / "a.h5").read(0);
    ASSERT_TRUE(read.instances.defined());
    EXPECT_EQ(digest_of(read), digest_of(with_objects(count)));
    EXPECT_EQ(read.instances.masks.sizes(), (std::vector<std::int64_t>{count, 20, 31}));
  }
  write_one(folder / "a.h5", made_sample(0), header);
  EXPECT_FALSE(DataFile(folder / "a.h5").read(0).instances.defined());
}

TEST(DataFileArrays, LabelsMayBeMissing) {
  const TemporaryFolder folder;
  RawSample sample = made_sample(0);
  sample.labels = torch::Tensor();
  write_one(folder / "a.h5", sample, {.name = "images", .classes = {"rv"}});
  const DataFile file(folder / "a.h5");
  EXPECT_FALSE(file.read(0).labels.defined());
  EXPECT_EQ(file.foreground(), std::vector<std::int64_t>{-1});
}

TEST(DataFileArrays, OnlyTheWantedPartsAreRead) {
  const TemporaryFolder folder;
  write_one(folder / "a.h5", with_objects(2), {.name = "cells", .classes = {"rv", "myo", "lv"}});
  const RawSample read = DataFile(folder / "a.h5").read(0, {.image = false, .instances = false});
  EXPECT_FALSE(read.image.defined());
  EXPECT_TRUE(read.labels.defined());
  EXPECT_FALSE(read.instances.defined());
}

TEST(DataFileArrays, AnImageIsReadIntoTheMemoryThatIsOfferedWhereItsTypeIsTheStoredOne) {
  const TemporaryFolder folder;
  write_made_file(folder / "f.h5", 1, torch::kFloat32);
  write_made_file(folder / "i.h5", 1, torch::kInt16);
  torch::Tensor memory = torch::zeros({1, 20, 31});
  const RawSample same = DataFile(folder / "f.h5").read(0, {}, memory);
  EXPECT_EQ(same.image.data_ptr(), memory.data_ptr());
  EXPECT_TRUE(memory.equal(made_sample(0, torch::kFloat32).image));
  EXPECT_NE(DataFile(folder / "i.h5").read(0, {}, memory).image.data_ptr(), memory.data_ptr());
}

TEST(DataFileArrays, RegionsAreOverlappingChannelsOfTheLabelMap) {
  const torch::Tensor labels = torch::tensor({0, 1, 2, 3}, torch::kUInt8);
  const torch::Tensor channels = region_channels(labels, volume_header().regions);
  EXPECT_TRUE(channels.equal(torch::tensor({{0, 1, 1, 1}, {0, 1, 0, 1}}, torch::kUInt8)));
}

TEST(DataFileArrays, WhatTheLayoutCannotHoldIsRefusedByTheSamplesName) {
  const DataFileHeader header{.name = "cells", .classes = {"rv", "myo", "lv"}};
  const auto refused = [&](const auto& change) {
    RawSample sample = with_objects(1);
    change(sample);
    EXPECT_THAT([&] { encode(sample, header); },
                ThrowsMessage<std::invalid_argument>(HasSubstr("[sample case0_ED/0]")));
  };
  refused([](RawSample& s) { s.instances.boxes[0][2] = 32; });  // beyond the border
  refused([](RawSample& s) { s.instances.boxes[0][2] = 3; });   // without area
  refused([](RawSample& s) { s.instances.labels[0] = 4; });     // no such class
  refused([](RawSample& s) { s.instances.labels[0] = 0; });     // background
  refused([](RawSample& s) { s.instances.masks = s.instances.masks * 2; });
  refused([](RawSample& s) { s.instances.masks = s.instances.masks.slice(1, 0, 19); });
  refused([](RawSample& s) { s.id.affine = {1, 2, 3}; });
  refused([](RawSample& s) { s.id.fold = -2; });
  refused([](RawSample& s) { s.second_observer = s.labels.slice(0, 1); });
}

}  // namespace
}  // namespace medsweep::datasets
