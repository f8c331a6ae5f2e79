#include "datasets/converters/acdc.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "base/files.h"
#include "datasets/converters/source_tree.h"
#include "datasets/converters/volume_item.h"

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
    if (const std::string ending = ending_of(entry.path()); ending == ".nii" || ending == ".nii.gz")
      files[stem_of(entry.path())] = entry.path();
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

VolumeFiles files_of(const PatientFolder& patient, const PatientInfo& info, const Frame& frame) {
  VolumeFiles files{.images = {frame.image}, .labels = frame.labels};
  files.id.case_name = frame.case_name;
  files.id.group = info.group;
  files.id.source = patient.source;
  return files;
}

}  // namespace

ConversionPlan plan_acdc(const ConverterOptions& options) {
  const std::int64_t dimension = dimension_of(options, 2);
  const std::vector<std::string> classes{"rv", "myo", "lv"};
  ConversionPlan plan{.header = {.name = "acdc", .classes = classes, .dimension = dimension}};
  const auto labels = std::make_shared<VolumeLabels>(VolumeLabels{LabelMap::consecutive(classes)});
  const auto name_of = patient_namer(options);
  for (const PatientFolder& patient : find_patients(options.source))
    plan_part(plan, options, [&] {
      const PatientInfo info = read_info(patient.path);
      for (const Frame& frame : find_frames(patient, info)) {
        VolumeFiles files = files_of(patient, info, frame);
        files.id.patient = name_of(patient.name);
        plan.items.push_back(volume_item(files, labels, dimension, options));
        plan.items.back().files.push_back(patient.path / "Info.cfg");
      }
    });
  return plan;
}

}  // namespace medsweep::datasets
