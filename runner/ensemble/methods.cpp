#include "runner/ensemble/methods.h"

#include <array>

namespace medsweep::runner {
namespace {

constexpr std::string_view kCombineSource = "runner/ensemble/combine_detections";

constexpr std::array kEnsembleMethods{
    Entry<EnsembleMethod>{"vote", "vote", kCombineSource, EnsembleMethod::kVote,
                          "a pixel is of a class where enough trials say so (more than half, or "
                          "minimum_votes); opened, and its largest part kept, for objects"},
    Entry<EnsembleMethod>{"mean", "mean", kCombineSource, EnsembleMethod::kMean,
                          "a pixel is of a class where the mean of the trials' probabilities is at "
                          "least 0.5"},
    Entry<EnsembleMethod>{"union", "union", kCombineSource, EnsembleMethod::kUnion,
                          "a pixel is of a class where any trial says so"},
};
static_assert(names_are_unique(kEnsembleMethods));

}  // namespace

EnsembleMethod ensemble_method(std::string_view name) {
  return find("ensemble", kEnsembleMethods, name).make;
}

std::vector<Row> ensemble_rows() { return rows_of(kEnsembleMethods); }

}  // namespace medsweep::runner
