#pragma once

#include <filesystem>
#include <string>

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Who an X-ray of NLM's two tuberculosis sets is: "MCUCXR_0001_0.png", "CHNCXR_0001_0.png". The
/// last digit is the group, 0 "normal" or 1 "tuberculosis"; what stands before it the patient,
/// hashed where options.patient_key is given. Throws std::invalid_argument that names a file called
/// otherwise.
SampleId tuberculosis_id(const ConverterOptions& options, const std::filesystem::path& image,
                         const std::string& source);

}  // namespace medsweep::datasets
