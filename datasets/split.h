#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "datasets/batch.h"

namespace medsweep::datasets {

/// What is never divided: all samples of one patient, of one source, or each sample by itself.
enum class SplitUnit { kPatient, kSource, kSample };
SplitUnit split_unit(std::string_view name);  ///< "patient", "source" or "sample", else throws

/// All samples whose source has this name: `test = "source:testing"`.
struct SourceIs {
  std::string name;
};
/// `text` without its "source:". Throws std::invalid_argument for another text.
SourceIs source_is(std::string_view text);

/// Which units belong to a part: none, those of a source, a list of cases (or patients), a fraction
/// of the units, or a number of units.
using SplitPart =
    std::variant<std::monostate, SourceIs, std::vector<std::string>, double, std::int64_t>;

/// Whose folds a cross-validation has.
enum class FoldSource {
  kDrawn,  ///< `folds` of them, drawn here
  kFile,   ///< SampleId::fold, as the data set gives them
};

/// The table [split] of a study.
struct SplitOptions {
  SplitPart test;              ///< taken first
  SplitPart validation = 0.2;  ///< of what the test leaves; unused where there are folds
  std::int64_t folds = 0;      ///< validation = { folds = 5 }
  FoldSource fold_source = FoldSource::kDrawn;  ///< kFile: validation = { folds = "file" }
  SplitUnit by = SplitUnit::kPatient;
  std::string stratify;  ///< "group", or empty
  std::uint64_t seed = 0;
};

/// Positions in the list of samples that was given, ascending.
struct Split {
  std::vector<std::int64_t> train, validation, test;
};

/// Divides samples, a pure function of their names and the options: neither the order of the
/// samples nor a trial's seed changes who is in which part. No unit stands in two parts.
///
/// A fraction is rounded to whole units, at least one and not all. With `stratify`, each part and
/// each fold has of every group its share within one unit, and folds differ by at most one unit.
/// fold: which fold validates, in [0, folds); -1 where there are none. The file's fold i validates
/// the units whose samples have it; units without a fold (-1) train in all.
///
/// Throws std::invalid_argument, in words: an unknown source or case (with the nearest name), a
/// case list, source or fold of the file that cuts a patient in two, more folds than units or than
/// the file has, a fraction outside [0, 1), a count that leaves nothing to train on, a unit in two
/// groups, a sample without the patient or group that is asked for.
Split split(std::span<const SampleId> samples, const SplitOptions& options, std::int64_t fold = -1);

}  // namespace medsweep::datasets
