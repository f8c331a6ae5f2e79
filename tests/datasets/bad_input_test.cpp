#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "base/files.h"
#include "datasets/converters/conversion.h"
#include "datasets/converters/converters.h"
#include "datasets/hdf5_file.h"
#include "tests/datasets/made_dicom.h"
#include "tests/datasets/made_images.h"
#include "tests/datasets/made_nifti.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

// ---------------------------------------------------------------- sources as they should be

torch::Tensor bad_input_pixels(int number, torch::ScalarType type = torch::kUInt8) {
  return (torch::arange(24 * 20).reshape({24, 20}) * (number + 3) % 251).to(type);
}

torch::Tensor bad_input_mask(int number) {
  torch::Tensor mask = torch::zeros({24, 20}, torch::kUInt8);
  mask.slice(0, 4, 12 + number).slice(1, 3, 15).fill_(255);
  return mask;
}

/// Three patients of ACDC.
void make_hearts(const fs::path& source) {
  for (const int number : {1, 2, 3}) write_made_patient(source, number);
}

/// images/ and masks/ with a, b and c.
void make_pictures(const fs::path& source) {
  for (const int number : {0, 1, 2}) {
    const std::string name(1, static_cast<char>('a' + number));
    write_made_image(source / "images" / (name + ".png"), bad_input_pixels(number));
    write_made_image(source / "masks" / (name + ".png"), bad_input_mask(number));
  }
}

/// a, b and c.jpg with one annotation of every form in each.
void make_annotated(const fs::path& source) {
  json coco{{"images", json::array()},
            {"annotations", json::array()},
            {"categories", {{{"id", 1}, {"name", "lung"}}}}};
  for (const int number : {0, 1, 2}) {
    const std::string file = std::string(1, static_cast<char>('a' + number)) + ".png";
    write_made_image(source / "images" / file, bad_input_pixels(number));
    coco["images"].push_back({{"id", number}, {"file_name", file}, {"height", 24}, {"width", 20}});
    const auto add = [&](const json& segmentation, bool crowd) {
      coco["annotations"].push_back({{"id", 10 * number + std::ssize(coco["annotations"]) % 2},
                                     {"image_id", number},
                                     {"category_id", 1},
                                     {"bbox", {2, 3, 8, 9}},
                                     {"iscrowd", crowd ? 1 : 0},
                                     {"segmentation", segmentation}});
    };
    add(json::array({{2, 3, 10, 3, 10, 12, 2, 12}}), false);
    add({{"size", {24, 20}}, {"counts", {100, 50, 24 * 20 - 150}}}, true);
  }
  write_file_atomically(source / "instances.json", coco.dump());
}

const char* const kRsnaTable =
    "patientId,x,y,width,height,Target\na,2,3,8,9,1\nb,1,2,5,6,1\nb,8,9,6,7,1\nc,,,,,0\n";

/// a, b and c.dcm with their boxes.
void make_dicoms(const fs::path& source) {
  fs::create_directories(source / "stage_2_train_images");
  for (const int number : {0, 1, 2}) {
    const std::string name(1, static_cast<char>('a' + number));
    MadeDicom(bad_input_pixels(number), "person " + name)
        .write(source / "stage_2_train_images" / (name + ".dcm"));
  }
  write_file_atomically(source / "stage_2_train_labels.csv", kRsnaTable);
}

// ---------------------------------------------------------------- and what goes wrong with them

void cut(const fs::path& file, double share) {
  const auto bytes = static_cast<double>(fs::file_size(file));
  fs::resize_file(file, static_cast<std::uintmax_t>(share * bytes));
}

void replace_text(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = read_file(file);
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  write_file_atomically(file, text.replace(at, from.size(), to));
}

void edit_annotation(const fs::path& source, int id, const std::string& key, const json& value) {
  json coco = json::parse(read_file(source / "instances.json"));
  for (json& annotation : coco["annotations"])
    if (annotation["id"] == id) annotation[key] = value;
  write_file_atomically(source / "instances.json", coco.dump());
}

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

std::string png_chunk(const std::string& type, const std::string& content) {
  const std::string body = type + content;
  return big_endian(static_cast<std::uint32_t>(content.size())) + body +
         big_endian(libdeflate_crc32(0, body.data(), body.size()));
}

/// A PNG whose header says 0 x 24 pixels.
std::string png_without_width() {
  return std::string("\x89PNG\r\n\x1a\n", 8) +
         png_chunk("IHDR",
                   big_endian(0) + big_endian(24) + std::string("\x08\x00\x00\x00\x00", 5)) +
         png_chunk("IDAT", std::string("\x78\x9c\x03\x00\x00\x00\x00\x01", 8)) +
         png_chunk("IEND", "");
}

/// A PNG with a chunk whose length and frame are 2^32 bytes together.
std::string png_of_endless_chunk() {
  const std::string png =
      png_chunk("IHDR", big_endian(24) + big_endian(24) + std::string("\x08\x00\x00\x00\x00", 5));
  return std::string("\x89PNG\r\n\x1a\n", 8) + png + big_endian(0xFFFFFFF4) + "IDAT";
}

fs::path heart(const fs::path& source, const char* ending = "") {
  return source / "training/patient002" / fmt::format("patient002_frame12{}.nii.gz", ending);
}

void put_not_a_number(const fs::path& source) {
  torch::Tensor voxels = torch::arange(3 * 24 * 20).reshape({3, 24, 20}).to(torch::kFloat32);
  voxels[1][5][7] = std::numeric_limits<float>::quiet_NaN();
  write_nifti(heart(source), voxels);
}

void write_without_pixels(const fs::path& source) {
  MadeDicom dicom(bad_input_pixels(1), "person b");
  dicom.data().findAndDeleteElement(DCM_PixelData);
  dicom.write(source / "stage_2_train_images/b.dcm");
}

/// A damage and the one line that tells it. "{}" in `line` is the source folder.
struct BadInput {
  std::string name, converter;
  std::function<void(const fs::path&)> make, damage;
  enum class Fault { kUsers, kWorlds } fault;
  std::string line;
  std::string sample;  ///< names of samples that are touched begin so
  enum class Effect { kLeftOut, kOther } effect = Effect::kLeftOut;  ///< with --skip-bad
};

void PrintTo(const BadInput& bad, std::ostream* stream) { *stream << bad.name; }

using enum BadInput::Fault;

std::vector<BadInput> bad_inputs() {
  const auto file = [](const std::string& name, auto change) {
    return [name, change](const fs::path& source) { change(source / name); };
  };
  return {
      {"TruncatedGzip", "acdc", make_hearts, [](const fs::path& s) { cut(heart(s), 0.5); }, kWorlds,
       "[{}/training/patient002/patient002_frame12.nii.gz] its gzip data are truncated or damaged",
       "patient002_frame12"},
      {"TruncatedGzipOfLabels", "acdc", make_hearts,
       [](const fs::path& s) { cut(heart(s, "_gt"), 0.5); }, kWorlds,
       "[{}/training/patient002/patient002_frame12_gt.nii.gz] no NIfTI image, or truncated in its "
       "header",
       "patient002_frame12"},
      {"NotANumber", "acdc", make_hearts, put_not_a_number, kUsers,
       "[{}/training/patient002/patient002_frame12.nii.gz] the voxel at x 7, y 5, z 1 is nan; "
       "finite numbers are needed",
       "patient002_frame12"},
      {"DicomWithoutPixels", "rsna", make_dicoms, write_without_pixels, kUsers,
       "[{}/stage_2_train_images/b.dcm] a DICOM without pixels; an image is needed", "b"},
      {"DicomCutInHalf", "rsna", make_dicoms,
       file("stage_2_train_images/b.dcm", [](const fs::path& f) { cut(f, 0.6); }), kWorlds,
       "[{}/stage_2_train_images/b.dcm] cannot be read as DICOM, truncated or damaged: Invalid "
       "stream",
       "b"},
      {"EmptyImageFile", "folder", make_pictures,
       file("images/b.png", [](const fs::path& f) { fs::resize_file(f, 0); }), kWorlds,
       "[{}/images/b.png] an empty file; an image is needed", "b"},
      {"ImageOfZeroSize", "folder", make_pictures,
       file("images/b.png",
            [](const fs::path& f) { write_file_atomically(f, png_without_width()); }),
       kUsers, "[{}/images/b.png] a PNG of 0 x 24 pixels; at least one is needed", "b"},
      {"ChunkOfAPngWithoutEnd", "folder", make_pictures,
       file("images/b.png",
            [](const fs::path& f) { write_file_atomically(f, png_of_endless_chunk()); }),
       kWorlds, "[{}/images/b.png] cannot be decoded: the PNG ends early, truncated or damaged",
       "b"},
      {"TruncatedPng", "folder", make_pictures,
       file("images/b.png", [](const fs::path& f) { cut(f, 0.7); }), kWorlds,
       "[{}/images/b.png] cannot be decoded: the PNG ends early, truncated or damaged", "b"},
      {"SixteenBitMask", "folder", make_pictures,
       file("masks/b.png",
            [](const fs::path& f) { write_made_image(f, bad_input_mask(1).to(torch::kInt16)); }),
       kUsers, "[{}/masks/b.png] 16-bit PNG where 8 bits were expected", "b"},
      {"SixteenBitImage", "coco", make_annotated,
       file("images/b.png",
            [](const fs::path& f) { write_made_image(f, bad_input_pixels(1, torch::kInt16)); }),
       kUsers, "[{}/images/b.png] more than 8 bits a channel; 8 are allowed", "b"},
      {"QuoteThatIsNotClosed", "rsna", make_dicoms,
       file("stage_2_train_labels.csv",
            [](const fs::path& f) { replace_text(f, "b,8,", "\"b,8,"); }),
       kUsers, "[{}/stage_2_train_labels.csv, line 4] a quote that is not closed", ""},
      {"RowOfAnotherLength", "rsna", make_dicoms,
       file("stage_2_train_labels.csv", [](const fs::path& f) { replace_text(f, "b,8,9", "b,8"); }),
       kUsers, "[{}/stage_2_train_labels.csv, line 4] 5 fields, but 6 columns", ""},
      {"NumberThatIsNone", "rsna", make_dicoms,
       file("stage_2_train_labels.csv",
            [](const fs::path& f) { replace_text(f, "b,8,9", "b,8,nine"); }),
       kUsers, "[{}/stage_2_train_labels.csv, line 4] column y: 'nine'; a number is allowed", "b"},
      {"BoxOutsideItsDicom", "rsna", make_dicoms,
       file("stage_2_train_labels.csv",
            [](const fs::path& f) { replace_text(f, "b,8,9,6", "b,80,9,6"); }),
       kUsers,
       "[{}/stage_2_train_labels.csv, line 4] a box from 80, 9 to 86, 16; within the 20 x 24 "
       "pixels of b.dcm is allowed",
       "b"},
      {"BoxOutsideItsImage", "coco", make_annotated,
       [](const fs::path& s) {
         edit_annotation(s, 10, "bbox", {30, 3, 8, 9});
       },
       kUsers,
       "[{}/instances.json: annotation 10] box 30 3 8 9 lies outside its image of 20 x 24 (width x "
       "height)",
       "b", BadInput::Effect::kOther},
      {"RunsOfTheWrongLength", "coco", make_annotated,
       [](const fs::path& s) {
         edit_annotation(s, 11, "segmentation", {{"size", {24, 20}}, {"counts", {100, 50, 7}}});
       },
       kUsers,
       "[{}/instances.json: annotation 11] runs of 157 pixels in all, but a mask of 24 x 20 has "
       "480",
       "b", BadInput::Effect::kOther},
      {"CompressedRunsOfTheWrongLength", "coco", make_annotated,
       [](const fs::path& s) {
         edit_annotation(s, 11, "segmentation", {{"size", {24, 20}}, {"counts", "T3b1"}});
       },
       kUsers,
       "[{}/instances.json: annotation 11] runs of 150 pixels in all, but a mask of 24 x 20 has "
       "480",
       "b", BadInput::Effect::kOther},
      {"PolygonWithTwoPoints", "coco", make_annotated,
       [](const fs::path& s) {
         edit_annotation(s, 10, "segmentation", json::array({{2, 3, 10, 3}}));
       },
       kUsers, "[{}/instances.json: annotation 10] a polygon with 2 points; at least 3 are allowed",
       "b", BadInput::Effect::kOther},
      {"JsonCutInHalf", "coco", make_annotated,
       file("instances.json", [](const fs::path& f) { cut(f, 0.5); }), kWorlds,
       "[{}/instances.json] no JSON from byte 454 on: truncated or damaged", ""},
  };
}

class BadInputs : public testing::TestWithParam<BadInput> {
 protected:
  BadInputs() {
    write_file_atomically(folder_ / "key", "0123456789abcdef0123456789abcdef");
    GetParam().make(folder_ / "in");
  }

  ConverterReport made(const std::string& output,
                       ConverterOptions::OnBad on_bad = ConverterOptions::OnBad::kStop) const {
    ConverterOptions options{.source = folder_ / "in", .output = folder_ / output};
    options.name = "made";
    options.patient_key = folder_ / "key";
    options.threads = 2;
    options.on_bad = on_bad;
    return convert(GetParam().converter, options);
  }

  /// The error's line; fails where there is none, or of the other kind.
  std::string refusal() const {
    try {
      made("a.h5");
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(GetParam().fault, kUsers) << error.what();
      return error.what();
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(GetParam().fault, kWorlds) << error.what();
      return error.what();
    }
    return "accepted";
  }

  std::map<std::string, std::string> digests(const std::string& output) const {
    const DataFile file(folder_ / output);
    std::map<std::string, std::string> found;
    for (std::int64_t i = 0; i < std::ssize(file.samples()); ++i)
      found[file.samples()[static_cast<std::size_t>(i)].name] = file.sample_digest(i);
    return found;
  }

  std::string line() const {
    std::string text = GetParam().line;
    for (std::size_t at = 0; (at = text.find("{}")) != std::string::npos;)
      text.replace(at, 2, (folder_ / "in").string());
    return text;
  }

  bool touched(const std::string& sample) const {
    return !GetParam().sample.empty() && sample.starts_with(GetParam().sample);
  }

  TemporaryFolder folder_;
};

TEST_P(BadInputs, StopWithOneLineThatNamesFileAndPlaceAndKeepTheOlderOutput) {
  const std::string digest = made("a.h5").digest;
  GetParam().damage(folder_ / "in");
  const std::string text = refusal();
  EXPECT_EQ(text, line());
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(DataFile(folder_ / "a.h5").digest(), digest);
  std::set<std::string> left;
  for (const std::string& name : folder_.names()) left.insert(name);
  left.erase("a.h5.partial");  // what is done is kept for the next attempt
  EXPECT_EQ(left, (std::set<std::string>{"a.h5", "in", "key"}));
}

TEST_P(BadInputs, AreLeftOutAndListedWithSkipBadAndTheRestIsComplete) {
  made("sound.h5");
  GetParam().damage(folder_ / "in");
  if (GetParam().sample.empty()) {  // the whole table is unreadable: there is no rest
    EXPECT_THROW(made("a.h5", ConverterOptions::OnBad::kSkip), std::exception);
    EXPECT_FALSE(fs::exists(folder_ / "a.h5"));
    return;
  }
  const ConverterReport report = made("a.h5", ConverterOptions::OnBad::kSkip);
  EXPECT_THAT(report.skipped, testing::ElementsAre(HasSubstr(line())));
  EXPECT_FALSE(fs::exists(folder_ / "a.h5.partial"));
  const auto sound = digests("sound.h5"), found = digests("a.h5");
  EXPECT_EQ(report.samples, std::ssize(found));
  std::int64_t others = 0;
  for (const auto& [name, digest] : sound) {
    if (!touched(name)) {
      ++others;
      ASSERT_TRUE(found.contains(name)) << name;
      EXPECT_EQ(found.at(name), digest) << name;
    } else if (GetParam().effect == BadInput::Effect::kLeftOut) {
      EXPECT_FALSE(found.contains(name)) << name;
    } else {  // only the annotation is left out
      ASSERT_TRUE(found.contains(name)) << name;
      EXPECT_NE(found.at(name), digest) << name;
    }
  }
  EXPECT_GE(others, 2);
}

INSTANTIATE_TEST_SUITE_P(Table, BadInputs, testing::ValuesIn(bad_inputs()),
                         [](const auto& info) { return info.param.name; });

// ---------------------------------------------------------------- tables of every flavour

struct Flavour {
  std::string name;
  std::function<std::string(std::string)> write;
};

std::string with_line_ends(const std::string& text, const std::string& end) {
  std::string result;
  for (const char character : text) result += character == '\n' ? end : std::string(1, character);
  return result;
}

void PrintTo(const Flavour& flavour, std::ostream* stream) { *stream << flavour.name; }

class TableFlavours : public testing::TestWithParam<Flavour> {};

TEST_P(TableFlavours, AreReadAsThePlainOne) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "key", "0123456789abcdef0123456789abcdef");
  make_dicoms(folder / "in");
  ConverterOptions options{.source = folder / "in", .output = folder / "a.h5"};
  options.patient_key = folder / "key";
  const auto digest = [&] { return convert("rsna", options).digest; };
  const std::string plain = digest();
  write_file_atomically(folder / "in/stage_2_train_labels.csv", GetParam().write(kRsnaTable));
  EXPECT_EQ(digest(), plain);
}

INSTANTIATE_TEST_SUITE_P(
    Csv, TableFlavours,
    testing::Values(
        Flavour{"WindowsLineEnds", [](const std::string& t) { return with_line_ends(t, "\r\n"); }},
        Flavour{"OldMacLineEnds", [](const std::string& t) { return with_line_ends(t, "\r"); }},
        Flavour{"ByteOrderMark", [](const std::string& t) { return "\xEF\xBB\xBF" + t; }},
        Flavour{"BlankLines",
                [](const std::string& t) { return with_line_ends(t, "\n\n") + "\n"; }},
        Flavour{"NoLastLineEnd", [](std::string t) { return t.substr(0, t.size() - 1); }},
        Flavour{"Quotes",
                [](const std::string&) {
                  return std::string(
                      "\"patientId\",\"x\",y,width,height,\"Target\"\na,\"2\",3,8,9,1\n"
                      "\"b\",1,2,5,6,1\nb,8,9,6,7,\"1\"\nc,\"\",,,,0\n");
                }},
        Flavour{"RowsThatStandTwice",
                [](const std::string& t) { return t + "b,1,2,5,6,1\nc,,,,,0\n"; }}),
    [](const auto& info) { return info.param.name; });

TEST(BadTables, RowsThatStandTwiceAreToldWithTheLine) {
  const TemporaryFolder folder;
  make_dicoms(folder / "in");
  write_file_atomically(folder / "in/stage_2_train_labels.csv",
                        std::string(kRsnaTable) + "b,1,2,5,6,1\n");
  const auto notes = convert("rsna", {.source = folder / "in", .output = folder / "a.h5"}).notes;
  EXPECT_THAT(notes, testing::Contains(HasSubstr("stage_2_train_labels.csv, line 6]")));
}

// ---------------------------------------------------------------- data files

class BadDataFiles : public testing::Test {
 protected:
  BadDataFiles() { write_made_file(path_, 6); }

  /// What opening the file and reading all of it says.
  std::string reading() const {
    try {
      const DataFile file(path_);
      for (std::int64_t i = 0; i < std::ssize(file.samples()); ++i) file.read(i);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "sound";
  }

  TemporaryFolder folder_;
  fs::path path_ = folder_ / "made.h5";
};

TEST_F(BadDataFiles, CutAnywhereAreToldByName) {
  const auto bytes = fs::file_size(path_);
  for (const double share : {0.99, 0.5, 0.1, 0.001}) {
    fs::resize_file(path_, static_cast<std::uintmax_t>(share * static_cast<double>(bytes)));
    const std::string text = reading();
    EXPECT_THAT(text, HasSubstr(path_.string())) << share;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
}

TEST_F(BadDataFiles, AChunkWithFlippedBytesIsToldWithItsSample) {
  haddr_t place = 0;
  hsize_t size = 0;
  {
    const std::scoped_lock lock(hdf5_mutex());
    const Hdf5File file(path_, Hdf5Mode::kRead);
    const hid_t image = H5Dopen2(file.id(), "/samples/case1_ED/1/image", H5P_DEFAULT);
    ASSERT_GE(image, 0);
    const hid_t space = H5Dget_space(image);
    ASSERT_GE(H5Dget_chunk_info(image, space, 0, nullptr, nullptr, &place, &size), 0);
    H5Sclose(space);
    H5Dclose(image);
  }
  std::string bytes = read_file(path_);
  for (hsize_t i = size / 2; i < size / 2 + 4; ++i) bytes[place + i] ^= 0x55;
  write_file_atomically(path_, bytes);
  const std::string text = reading();
  EXPECT_THAT(text, HasSubstr(path_.string()));
  EXPECT_THAT(text, HasSubstr("case1_ED/1"));
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

TEST_F(BadDataFiles, OneOfALaterVersionSaysWhichAndWhatIsAllowed) {
  std::int64_t later = 0;
  {
    const std::scoped_lock lock(hdf5_mutex());
    const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    ASSERT_GE(file, 0);
    const hid_t attribute = H5Aopen(file, "medsweep_format", H5P_DEFAULT);
    ASSERT_GE(H5Aread(attribute, H5T_NATIVE_INT64, &later), 0);
    ++later;
    ASSERT_GE(H5Awrite(attribute, H5T_NATIVE_INT64, &later), 0);
    H5Aclose(attribute);
    H5Fclose(file);
  }
  const std::string text = reading();
  EXPECT_THAT(text, HasSubstr(path_.string()));
  EXPECT_EQ(text, fmt::format("[{}] layout {}; this program reads up to {}", path_.string(), later,
                              later - 1));
}

}  // namespace
}  // namespace medsweep::datasets
