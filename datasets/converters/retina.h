#pragma once

#include <filesystem>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// A retina and what was drawn on it; an empty path where there is none.
struct Retina {
  std::string name, patient, source;
  std::filesystem::path image, vessels, second_observer, field_of_view;
};

/// Which grey levels the drawings may have.
enum class DrawnLevels {
  kBlackAndWhite,  ///< 0 and 255, all else is an error
  kThreshold,      ///< 128 and more is inside
};

/// The header of retina sets: three channels, the class vessel (1).
DataFileHeader retina_header(const std::string& name);

/// The patient with options.patient_key's hash where that is given, else as it is.
std::string retina_patient(const ConverterOptions& options, const std::string& patient);

/// Reads it as one sample: RGB of 8 bits, vessels, the second observer's vessels where there are
/// any, and the field of view (retina_field where none is given). Pixel sizes are not published for
/// these sets: the spacing is unknown. Errors name the file: another kind of image, a drawing of
/// another size, an unknown grey level, what cannot be read.
ConversionItem retina_item(const Retina& retina, DrawnLevels levels);

/// The files whose names the expression matches whole, by its first group. Of two in one folder the
/// first counts (a.ppm before a.ppm.gz). Throws std::invalid_argument for two in different folders.
std::map<std::string, std::filesystem::path> files_by_group(
    const std::vector<std::filesystem::path>& files, const std::regex& expression);

/// A note where images of a set that has one published size have another: they may have been
/// resized. Looks at headers only; what cannot be read is left to the item's error.
void note_sizes(ConversionPlan& plan, const std::vector<std::filesystem::path>& images,
                const Extent& published);

}  // namespace medsweep::datasets
