#include "datasets/converters/acdc.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "base/files.h"
#include "datasets/converters/nifti_volume.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

/// What Info.cfg may tell: nothing about the person's body.
struct PatientInfo {
  std::string group;
  std::map<int, std::string> phases;  // frame -> "ED" or "ES"
};

struct PatientFolder {
  fs::path path;
  std::string name, source;
};

/// An image of the heart and its labels, at one time.
struct Frame {
  std::string case_name;
  fs::path image, labels;
};

std::vector<PatientFolder> find_patients(const fs::path& root) {
  static const std::regex kPatient("patient[0-9]+");
  std::vector<PatientFolder> patients;
  const auto consider = [&](const fs::path& path) {
    const std::string name = path.filename().string();
    if (fs::is_directory(path) && std::regex_match(name, kPatient))
      patients.push_back({path, name, path.parent_path().filename().string()});
  };
  const fs::path absolute = fs::weakly_canonical(root);
  consider(absolute);
  for (const auto& entry : fs::recursive_directory_iterator(absolute)) consider(entry.path());
  std::ranges::sort(patients, {}, [](const PatientFolder& p) { return p.path; });
  if (patients.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no folders patientNNN in it; the folder of ACDC is needed", root.string()));
  return patients;
}

int frame_number(const fs::path& file, const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0)
    throw std::invalid_argument(
        fmt::format("[{}] frame '{}'; a number is allowed", file.string(), text));
  return number;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

PatientInfo read_info(const fs::path& folder) {
  PatientInfo info;
  const fs::path file = folder / "Info.cfg";
  if (!fs::exists(file)) return info;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = trimmed(line.substr(0, colon)), value = trimmed(line.substr(colon + 1));
    if (key == "Group") info.group = value;
    if (key == "ED" || key == "ES") info.phases[frame_number(file, value)] = key;
  }
  return info;
}

/// "patient001_frame01_gt.nii.gz" -> "patient001_frame01_gt"; empty for other files.
std::string nifti_stem(const fs::path& file) {
  std::string name = file.filename().string();
  for (const char* ending : {".nii.gz", ".nii"})
    if (name.ends_with(ending)) return name.substr(0, name.size() - std::string(ending).size());
  return {};
}

std::string case_name_of(const std::string& stem, const PatientFolder& patient,
                         const PatientInfo& info, const std::smatch& match) {
  if (!match[1].matched) return stem;  // patientNNN_ED says its phase itself
  const auto phase = info.phases.find(frame_number(patient.path / stem, match[1].str()));
  return phase == info.phases.end() ? stem : patient.name + "_" + phase->second;
}

std::vector<Frame> find_frames(const PatientFolder& patient, const PatientInfo& info) {
  const std::regex frame_pattern(patient.name + "_(?:frame([0-9]+)|ED|ES)");
  std::map<std::string, fs::path> files;
  for (const auto& entry : fs::directory_iterator(patient.path))
    if (const std::string stem = nifti_stem(entry.path()); !stem.empty())
      files[stem] = entry.path();
  std::vector<Frame> frames;
  for (const auto& [stem, path] : files) {
    std::smatch match;
    const bool is_labels = stem.ends_with("_gt");
    const std::string image_stem = is_labels ? stem.substr(0, stem.size() - 3) : stem;
    if (!std::regex_match(image_stem, match, frame_pattern)) continue;
    const std::string partner = is_labels ? image_stem : stem + "_gt";
    if (!files.contains(partner))
      throw std::invalid_argument(fmt::format("[{}] has no {}: {} is missing beside it",
                                              path.string(), is_labels ? "image" : "mask",
                                              partner + ".nii.gz"));
    if (!is_labels)
      frames.push_back({case_name_of(stem, patient, info, match), path, files.at(partner)});
  }
  if (frames.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no frames in it; {}_frameNN.nii.gz or {}_ED.nii.gz with their _gt are needed",
        patient.path.string(), patient.name, patient.name));
  return frames;
}

void add_frame(const PatientFolder& patient, const PatientInfo& info, const Frame& frame,
               std::vector<RawSample>& samples) {
  const NiftiVolume image = read_nifti(frame.image);
  const NiftiVolume labels = read_nifti_labels(frame.labels, 3);
  if (image.voxels.sizes() != labels.voxels.sizes())
    throw std::invalid_argument(
        fmt::format("[{}] {} voxels, but its image {} has {}; equal sizes are needed",
                    frame.labels.string(), fmt::join(labels.voxels.sizes(), " x "),
                    frame.image.filename().string(), fmt::join(image.voxels.sizes(), " x ")));
  for (std::int64_t slice = 0; slice < image.voxels.size(0); ++slice) {
    RawSample sample;
    sample.image = image.voxels.narrow(0, slice, 1);
    sample.labels = labels.voxels[slice];
    sample.id.name = fmt::format("{}/{}", frame.case_name, slice);
    sample.id.case_name = frame.case_name;
    sample.id.patient = patient.name;
    sample.id.group = info.group;
    sample.id.source = patient.source;
    sample.id.slice = slice;
    sample.id.spacing = image.spacing;
    samples.push_back(std::move(sample));
  }
}

}  // namespace

ConversionPlan plan_acdc(const ConverterOptions& options) {
  ConversionPlan plan{.header = {.name = "acdc", .classes = {"rv", "myo", "lv"}}};
  for (const PatientFolder& patient : find_patients(options.source)) {
    const PatientInfo info = read_info(patient.path);
    const std::vector<Frame> frames = find_frames(patient, info);
    ConversionItem item{.name = patient.name};
    for (const Frame& frame : frames) {
      item.files.push_back(frame.image);
      item.files.push_back(frame.labels);
    }
    item.read = [patient, info, frames] {
      std::vector<RawSample> samples;
      for (const Frame& frame : frames) add_frame(patient, info, frame, samples);
      return samples;
    };
    plan.items.push_back(std::move(item));
  }
  return plan;
}

}  // namespace medsweep::datasets
