#include "datasets/converters/converters.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "datasets/converters/acdc.h"
#include "datasets/converters/brats.h"
#include "datasets/converters/chase_db1.h"
#include "datasets/converters/chest_xray.h"
#include "datasets/converters/coco.h"
#include "datasets/converters/conversion.h"
#include "datasets/converters/drive.h"
#include "datasets/converters/folder.h"
#include "datasets/converters/hvsmr.h"
#include "datasets/converters/jsrt.h"
#include "datasets/converters/lungs_json.h"
#include "datasets/converters/malc.h"
#include "datasets/converters/manifest.h"
#include "datasets/converters/montgomery.h"
#include "datasets/converters/nifti.h"
#include "datasets/converters/nnunet.h"
#include "datasets/converters/npz.h"
#include "datasets/converters/phantom.h"
#include "datasets/converters/rsna.h"
#include "datasets/converters/shenzhen.h"
#include "datasets/converters/stare.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

enum class Source { kNone, kFolder };

struct Converter {
  ConversionPlan (*plan)(const ConverterOptions&);
  Source source;
  std::string_view options;  // that it reads beside those for all, separated by blanks
};

// The one place to touch for a new data set.
constexpr std::array kConverters{
    Entry<Converter>{
        "phantom",
        "phantom",
        "datasets/converters/phantom",
        {plan_phantom, Source::kNone, "kind dimension patients slices size channels seed"},
        "made-up hearts, vessels, lungs, opacities or blobs; no download"},
    Entry<Converter>{"acdc",
                     "acdc",
                     "datasets/converters/acdc",
                     {plan_acdc, Source::kFolder, "dimension spacing"},
                     "ACDC: cardiac MRI in NIfTI, slices or volumes with rv, myo, lv"},
    Entry<Converter>{"drive",
                     "drive",
                     "datasets/converters/drive",
                     {plan_drive, Source::kFolder, ""},
                     "DRIVE: retinas in TIFF and GIF with vessels and the field of view"},
    Entry<Converter>{"chest_xray",
                     "cxr",
                     "datasets/converters/chest_xray",
                     {plan_chest_xray, Source::kFolder, "patient"},
                     "chest X-rays in class folders; lungs from masks or from a trained model"},
    Entry<Converter>{"coco",
                     "coco",
                     "datasets/converters/coco",
                     {plan_coco, Source::kFolder, "annotations classes color patient"},
                     "images with annotations in COCO's JSON: boxes, masks, crowds"},
    Entry<Converter>{"lungs_json",
                     "lungsjson",
                     "datasets/converters/lungs_json",
                     {plan_lungs_json, Source::kFolder, "annotations color patient"},
                     "the Lungs system's dataset.json: images with left and right lung"},
    Entry<Converter>{
        "brats",
        "brats",
        "datasets/converters/brats",
        {plan_brats, Source::kFolder, "dimension spacing patient normalize"},
        "BraTS: brain tumours in up to four modalities; ncr, ed, et and their regions"},
    Entry<Converter>{"hvsmr",
                     "hvsmr",
                     "datasets/converters/hvsmr",
                     {plan_hvsmr, Source::kFolder, "dimension spacing images"},
                     "HVSMR 2016: whole hearts in MRI with myocardium and blood pool"},
    Entry<Converter>{"malc",
                     "malc",
                     "datasets/converters/malc",
                     {plan_malc, Source::kFolder, "dimension spacing label-map classes"},
                     "MALC 2012: T1 brains with Neuromorphometrics' sparse label codes"},
    Entry<Converter>{
        "nifti",
        "nifti",
        "datasets/converters/nifti",
        {plan_nifti, Source::kFolder, "images labels label-map classes patient dimension spacing"},
        "pairs of NIfTI files by patterns of their names, with a label map"},
    Entry<Converter>{"nnunet",
                     "nnunet",
                     "datasets/converters/nnunet",
                     {plan_nnunet, Source::kFolder, "dimension spacing patient annotations"},
                     "nnU-Net's raw data or the Decathlon's: all channels, regions, its folds"},
    Entry<Converter>{"chase_db1",
                     "chase",
                     "datasets/converters/chase_db1",
                     {plan_chase_db1, Source::kFolder, ""},
                     "CHASE_DB1: retinas of both eyes with vessels by two observers"},
    Entry<Converter>{"stare",
                     "stare",
                     "datasets/converters/stare",
                     {plan_stare, Source::kFolder, ""},
                     "STARE: retinas (.ppm.gz) with vessels by two observers"},
    Entry<Converter>{"montgomery",
                     "montgomery",
                     "datasets/converters/montgomery",
                     {plan_montgomery, Source::kFolder, ""},
                     "Montgomery: chest X-rays with left and right lung"},
    Entry<Converter>{"shenzhen",
                     "shenzhen",
                     "datasets/converters/shenzhen",
                     {plan_shenzhen, Source::kFolder, ""},
                     "Shenzhen: chest X-rays, one mask of both lungs divided into left and right"},
    Entry<Converter>{"jsrt",
                     "jsrt",
                     "datasets/converters/jsrt",
                     {plan_jsrt, Source::kFolder, "classes"},
                     "JSRT: chest X-rays (12 bits) with SCR's lungs, heart and clavicles"},
    Entry<Converter>{
        "folder",
        "folder",
        "datasets/converters/folder",
        {plan_folder, Source::kFolder, "images labels label-map classes patient color"},
        "folders images and masks with PNG, TIFF, JPEG and the like"},
    Entry<Converter>{"npz",
                     "npz",
                     "datasets/converters/npz",
                     {plan_npz, Source::kFolder, "images labels label-map classes patient"},
                     "arrays of NumPy: .npz, or pairs of .npy"},
    Entry<Converter>{"rsna",
                     "rsna",
                     "datasets/converters/rsna",
                     {plan_rsna, Source::kFolder, "annotations window"},
                     "RSNA pneumonia: DICOM with a table of boxes; negatives are kept"},
    Entry<Converter>{"manifest",
                     "manifest",
                     "datasets/converters/manifest",
                     {plan_manifest, Source::kFolder,
                      "annotations label-map classes patient dimension spacing color window"},
                     "any layout, by a CSV or a MONAI datalist: pictures, NIfTI, DICOM, NumPy"},
};
static_assert(names_are_unique(kConverters));

// Of every converter.
constexpr std::string_view kCommonOptions =
    "source output name compression threads patient-key skip-bad";

bool has_word(std::string_view words, std::string_view word) {
  const std::string padded = fmt::format(" {} ", words);
  return padded.find(fmt::format(" {} ", word)) != std::string::npos;
}

void check_paths(const Entry<Converter>& entry, const ConverterOptions& options) {
  if (options.output.empty())
    throw std::invalid_argument(fmt::format("[{}] no output; a file name is needed", entry.name));
  const fs::path folder = options.output.has_parent_path() ? options.output.parent_path() : ".";
  if (!options.output.has_filename() || !fs::is_directory(folder))
    throw std::invalid_argument(
        fmt::format("[{}] its folder does not exist; create it first", options.output.string()));
  if (entry.make.source == Source::kNone && !options.source.empty())
    throw std::invalid_argument(fmt::format("[{}] source {}; it makes its own data and takes none",
                                            entry.name, options.source.string()));
  if (entry.make.source == Source::kFolder && !fs::exists(options.source))
    throw std::invalid_argument(
        fmt::format("[{}] source '{}' does not exist; the data set's folder as distributed is "
                    "needed",
                    entry.name, options.source.string()));
}

}  // namespace

ConversionPlan plan_conversion(std::string_view name, const ConverterOptions& options) {
  const auto& entry = find("converter", kConverters, name);
  check_paths(entry, options);
  ConversionPlan plan = entry.make.plan(options);
  if (!options.name.empty()) plan.header.name = options.name;
  if (plan.items.empty())
    throw std::invalid_argument(
        fmt::format("[{}] nothing to convert in it", options.source.string()));
  return plan;
}

ConverterReport convert(std::string_view name, const ConverterOptions& options,
                        const ConverterProgress& progress) {
  try {
    return run_conversion(name, plan_conversion(name, options), options, progress);
  } catch (...) {
    forget_empty_conversion(options.output);
    throw;
  }
}

bool reads_source(std::string_view name) {
  return find("converter", kConverters, name).make.source == Source::kFolder;
}

bool reads_option(std::string_view name, std::string_view option) {
  return has_word(kCommonOptions, option) ||
         has_word(find("converter", kConverters, name).make.options, option);
}

std::vector<Row> converter_rows() { return rows_of(kConverters); }

}  // namespace medsweep::datasets
