#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "runner/ensemble/methods.h"

namespace medsweep::runner {

/// What is done with the holes of a class.
enum class Holes { kKeep, kFill };

/// How label maps become one.
struct LabelEnsemble {
  EnsembleMethod method = EnsembleMethod::kVote;
  std::int64_t minimum_votes = 0;  ///< for kVote; 0: more than half of the trials
  Holes holes = Holes::kKeep;      ///< filled first; other classes in them stay
  std::int64_t parts = 0;  ///< then the largest 4-connected parts of each class; 0: all of them
};

/// The label maps of several trials, [(D,) H, W] uint8 each (0 background, 1 ... classes) -> one.
///
/// kVote: a pixel has the class with the most votes where these are at least minimum_votes, else
/// background. kUnion: the class with the most votes where any trial sees one. Of equally many
/// votes the lower label wins.
///
/// Throws std::invalid_argument for no maps, maps of other shapes, types or labels, minimum_votes
/// above the number of trials, kMean, which needs probabilities, and holes and parts of volumes.
torch::Tensor combine_labels(const std::vector<torch::Tensor>& maps, std::int64_t classes,
                             const LabelEnsemble& ensemble);

/// kMean: the probabilities of several trials, [K, (D,) H, W] float32 -> [(D,) H, W] uint8: the
/// class with the highest mean, the lower label of equal ones, where that is at least 0.5. Holes
/// and parts as above. Throws std::invalid_argument for none and for other shapes and types.
torch::Tensor combine_probabilities(const std::vector<torch::Tensor>& probabilities,
                                    const LabelEnsemble& ensemble);

/// [K, (D,) H, W] float32: the mean in float64 over the trials, for metrics of probabilities.
torch::Tensor mean_probabilities(const std::vector<torch::Tensor>& probabilities);

/// The votes that are needed: `asked`, or more than half of the trials. Throws
/// std::invalid_argument for less than 0 and more than there are.
std::int64_t needed_votes(std::int64_t asked, std::size_t trials);

}  // namespace medsweep::runner
