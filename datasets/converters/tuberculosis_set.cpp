#include "datasets/converters/tuberculosis_set.h"

#include <fmt/format.h>

#include <regex>
#include <stdexcept>

#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {

SampleId tuberculosis_id(const ConverterOptions& options, const std::filesystem::path& image,
                         const std::string& source) {
  static const std::regex kName("([A-Za-z]+_[0-9]+)_([01])");
  const std::string name = stem_of(image);
  std::smatch match;
  if (!std::regex_match(name, match, kName))
    throw std::invalid_argument(fmt::format(
        "[{}] is called neither ..._0.png (normal) nor ..._1.png (tuberculosis)", image.string()));
  SampleId id;
  id.name = name;
  id.case_name = name;
  id.patient = options.patient_key.empty() ? match[1].str() : PatientHash(options)(match[1].str());
  id.group = match[2].str() == "0" ? "normal" : "tuberculosis";
  id.source = source;
  return id;
}

}  // namespace medsweep::datasets
