#include "datasets/converters/dicom_notes.h"

#include <stdexcept>

#include "datasets/converters/dicom_image.h"
#include "datasets/converters/mask_pairs.h"

namespace medsweep::datasets {
namespace {

bool says_burned_in(const std::filesystem::path& file) {
  try {
    return has_burned_in_annotation(file);
  } catch (const std::exception&) {
    return false;  // the conversion reads it again and tells what is wrong
  }
}

}  // namespace

void note_burned_in(ConversionPlan& plan, const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> names;
  for (const std::filesystem::path& file : files)
    if (says_burned_in(file)) names.push_back(file.filename().string());
  note_names(plan, names,
             "images say that texts are drawn into them (BurnedInAnnotation), look at them before "
             "the data are shared");
}

}  // namespace medsweep::datasets
