#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "base/files.h"
#include "datasets/converters/conversion.h"
#include "datasets/converters/dicom_image.h"
#include "tests/datasets/made_dicom.h"
#include "tests/datasets/made_nifti.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::Not;

/// What stands in for a person's data, as each kind of element may hold it.
const std::map<DcmEVR, std::string> kMarkers{
    {EVR_PN, "MARKERZQ^JANE"},  {EVR_LO, "MARKERZQ"},      {EVR_SH, "MARKERZQ"},
    {EVR_LT, "MARKERZQ"},       {EVR_ST, "MARKERZQ"},      {EVR_UT, "MARKERZQ"},
    {EVR_UC, "MARKERZQ"},       {EVR_UR, "MARKERZQ"},      {EVR_AE, "MARKERZQ"},
    {EVR_CS, "MARKERZQ"},       {EVR_DA, "19010203"},      {EVR_TM, "112233.445566"},
    {EVR_DT, "19010203112233"}, {EVR_UI, "1.2.3.99999.7"}, {EVR_AS, "099Y"}};
const std::vector<std::string> kTexts{"MARKERZQ", "19010203", "112233.445566", "1.2.3.99999.7"};

/// Elements that the file's own making needs.
bool is_made_otherwise(const DcmTagKey& tag) {
  return tag.getGroup() < 8 || tag.getGroup() % 2 == 1 || tag.getGroup() >= 0x5000 ||
         tag == DCM_SpecificCharacterSet || tag == DCM_SOPClassUID ||
         tag == DCM_PixelDataProviderURL ||
         (tag.getGroup() == 0x0028 && tag.getElement() <= 0x0103);
}

/// Every element of the standard's dictionary that can hold a marker, and a private one.
std::int64_t put_markers(MadeDicom& dicom) {
  std::vector<std::pair<DcmTagKey, std::string>> elements;
  DcmDataDictionary& dictionary = dcmDataDict.wrlock();  // iterators are not const
  for (auto entry = dictionary.normalBegin(); entry != dictionary.normalEnd(); ++entry)
    if (const auto marker = kMarkers.find((*entry)->getEVR());
        marker != kMarkers.end() && !is_made_otherwise((*entry)->getKey()))
      elements.emplace_back((*entry)->getKey(), marker->second);
  dcmDataDict.wrunlock();
  for (const auto& [tag, marker] : elements) dicom.put(tag, marker);
  dicom.data().putAndInsertString(DcmTag(0x0009, 0x0010, EVR_LO), "MARKERZQ");
  dicom.data().putAndInsertString(DcmTag(0x0009, 0x1001, EVR_LO), "MARKERZQ");
  return std::ssize(elements);
}

/// DCMTK's encoder reads some of the elements: they are marked after it has done its work.
void write_marked_jpeg(const std::filesystem::path& path, const torch::Tensor& pixels,
                       E_TransferSyntax syntax) {
  MadeDicom dicom(pixels);
  dicom.write(path, syntax);
  put_markers(dicom);
  dicom.write(path, syntax);
}

/// Every text of the header, and an extension.
void write_marked_nifti(const std::filesystem::path& path, const torch::Tensor& voxels) {
  nifti_1_header header = made_header(voxels);
  const auto mark = [](auto& field) {
    std::memset(field, 0, sizeof field);
    std::memcpy(field, "MARKERZQ", std::min(sizeof field, std::size_t{8}));
  };
  mark(header.descrip);
  mark(header.aux_file);
  mark(header.intent_name);
  mark(header.db_name);
  mark(header.data_type);
  header.vox_offset = 352 + 32;
  std::string bytes(352 + 32, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes[348] = 1;   // there is an extension
  bytes[352] = 32;  // of so many bytes
  bytes[356] = 6;   // a comment
  bytes.replace(360, 8, "MARKERZQ");
  const torch::Tensor dense = voxels.contiguous();
  bytes.append(static_cast<const char*>(dense.const_data_ptr()), dense.nbytes());
  write_file_atomically(path, bytes);
}

/// manifest.csv with two marked DICOMs and two marked NIfTI, rsna/ with one, bad/ with broken ones.
std::int64_t write_marked_files(const std::filesystem::path& folder) {
  for (const char* name : {"rsna", "bad"}) std::filesystem::create_directories(folder / name);
  const torch::Tensor pixels =
      (torch::arange(64 * 64).reshape({64, 64}) * 7 % 251).to(torch::kUInt8);
  const torch::Tensor mask = pixels.gt(120).to(torch::kUInt8);
  std::int64_t marked = 0;
  for (const char* name : {"d1", "d2"}) {
    MadeDicom image(pixels);
    marked = put_markers(image);
    image.put(DCM_BurnedInAnnotation, "YES").write(folder / (std::string(name) + ".dcm"));
    write_marked_jpeg(folder / (std::string(name) + "_mask.dcm"), mask, EXS_JPEGProcess14SV1);
    write_marked_jpeg(folder / "rsna" / (std::string(name) + ".dcm"), pixels, EXS_JPEGProcess1);
    image.put(DCM_NumberOfFrames, "3").write(folder / "bad/frames.dcm");
    image.put(DCM_NumberOfFrames, "1").put(DCM_PhotometricInterpretation, "MARKERZQ");
    image.write(folder / "bad/colors.dcm");
  }
  for (const char* name : {"n1", "n2"}) {
    write_marked_nifti(folder / (std::string(name) + ".nii"), pixels.unsqueeze(0));
    write_marked_nifti(folder / (std::string(name) + "_mask.nii"), mask.unsqueeze(0));
  }
  const std::string whole = read_file(folder / "d1.dcm"), volume = read_file(folder / "n1.nii");
  write_file_atomically(folder / "bad/short.dcm", whole.substr(0, whole.size() / 2));
  write_file_atomically(folder / "bad/short.nii", volume.substr(0, 600));
  write_file_atomically(folder / "manifest.csv",
                        "image,mask,group,doctor\nd1.dcm,d1_mask.dcm,one,MARKERZQ\n"
                        "d2.dcm,d2_mask.dcm,one,MARKERZQ\nn1.nii,n1_mask.nii,two,MARKERZQ\n"
                        "n2.nii,n2_mask.nii,two,MARKERZQ\n");
  write_file_atomically(folder / "patients.csv",
                        "image,mask,patient\nd1.dcm,d1_mask.dcm,MARKERZQ 1\n"
                        "n1.nii,n1_mask.nii,MARKERZQ 2\n");
  write_file_atomically(folder / "rsna/stage_2_train_labels.csv",
                        "patientId,x,y,width,height,Target\nd1,3,4,20,30,1\nd2,,,,,0\n");
  for (const char* name : {"frames.dcm", "colors.dcm", "short.dcm", "short.nii"})
    write_file_atomically(folder / "bad" / (std::string(name) + ".csv"),
                          std::string("image\n") + name + "\n");
  return marked;
}

void expect_unmarked(const std::string& text) {
  for (const std::string& marker : kTexts) EXPECT_THAT(text, Not(HasSubstr(marker)));
}

/// All that a person can get out of a data file, decompressed.
void expect_unmarked_file(const std::filesystem::path& path) {
  expect_unmarked(read_file(path));
  const DataFile file(path);
  for (const SampleId& id : file.samples())
    expect_unmarked(id.name + " " + id.case_name + " " + id.patient + " " + id.group + " " +
                    id.source);
}

class Privacy : public testing::Test {
 protected:
  void SetUp() override { marked_ = write_marked_files(folder_.path()); }
  ConverterReport converted(const std::string& name, const std::string& source) {
    return convert(name, {.source = folder_ / source,
                          .output = folder_ / "out.h5",
                          .compression = Compression::kNone});
  }
  TemporaryFolder folder_;
  std::int64_t marked_ = 0;
};

TEST_F(Privacy, TheMarkersAreThere) {
  EXPECT_GT(marked_, 1500);
  const std::string image = read_file(folder_ / "d1.dcm"), volume = read_file(folder_ / "n1.nii");
  for (const std::string& marker : kTexts) EXPECT_THAT(image, HasSubstr(marker));
  std::int64_t found = 0;
  for (std::size_t at = volume.find("MARKERZQ"); at != std::string::npos;
       at = volume.find("MARKERZQ", at + 1))
    ++found;
  EXPECT_EQ(found, 6);
  EXPECT_EQ(read_dicom(folder_ / "d1.dcm").identity, "MARKERZQ");
}

TEST_F(Privacy, NoHeaderTextGetsIntoADataFile) {
  for (const char* source : {"manifest.csv", "patients.csv"}) {
    for (const std::string& note : converted("manifest", source).notes) expect_unmarked(note);
    expect_unmarked_file(folder_ / "out.h5");
  }
  for (const std::string& note : converted("rsna", "rsna").notes) expect_unmarked(note);
  expect_unmarked_file(folder_ / "out.h5");
}

TEST_F(Privacy, NoHeaderTextGetsIntoAnError) {
  for (const char* name : {"frames.dcm", "colors.dcm", "short.dcm", "short.nii"}) {
    try {
      converted("manifest", std::string("bad/") + name + ".csv");
      ADD_FAILURE() << name << " was converted";
    } catch (const std::exception& error) {
      EXPECT_THAT(error.what(), HasSubstr(name));
      expect_unmarked(error.what());
    }
  }
}

// tests/end_to_end/privacy_test.sh takes the marked files from here.
TEST(PrivacyFiles, AreWrittenWhereAsked) {
  const char* folder = std::getenv("MEDSWEEP_MARKED_FILES");
  if (folder == nullptr) GTEST_SKIP() << "MEDSWEEP_MARKED_FILES names no folder to write them to";
  EXPECT_GT(write_marked_files(folder), 1500);
}

}  // namespace
}  // namespace medsweep::datasets
