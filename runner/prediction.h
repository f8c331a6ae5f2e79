#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "datasets/patch.h"
#include "datasets/segmentation_dataset.h"
#include "models/model.h"

namespace medsweep::runner {

/// Whether a prediction is the mean over a sample's mirror images.
enum class Mirroring {
  kNone,
  kAll,  ///< along each axis and combination of axes: 4 images, 8 volumes
};

struct PredictionOptions {
  datasets::Extent patch;  ///< of the sliding window; no pixels: whole samples
  double overlap = 0.5;    ///< of neighbouring windows, as a share of the patch's side
  datasets::TileWeight weight = datasets::TileWeight::kGaussian;
  Mirroring mirroring = Mirroring::kNone;     ///< of label maps
  std::int64_t batch_size = 1;                ///< images or windows given to the network at once
  torch::Device device = torch::kCPU;         ///< where the network is
  std::function<bool()> stop_requested = {};  ///< asked before each batch
};

/// Predictions at the images' own sizes, on the host, one per sample.
///
/// An image that is larger than the patch along an axis, and any volume, is predicted in
/// overlapping windows of the patch's size, whose probabilities are averaged by weight; any other
/// sample as a whole, padded to model.size_multiple(). What was stretched, shrunk or padded for the
/// network is restored from sample.placement: probabilities are scaled back, labels follow from
/// them by model.label_map().
///
/// Without gradient; the model is put into eval() mode and back; several threads may share one that
/// is in eval() mode. Only samples and windows of one
/// size share a batch, so that a prediction does not depend on its neighbours' sizes.
/// Throws std::invalid_argument for a batch size below 1 or what datasets::windows refuses, and
/// StopRequested.
models::Predictions predict(models::Model& model,
                            const std::vector<datasets::EvaluationSample>& samples,
                            const PredictionOptions& options);

/// The same of one sample.
models::Prediction predict_sample(models::Model& model, const datasets::EvaluationSample& sample,
                                  const PredictionOptions& options);

/// Whoever predicts samples: a network, or several together. One prediction a sample, as `predict`.
using Predictor =
    std::function<models::Predictions(const std::vector<datasets::EvaluationSample>& samples)>;

}  // namespace medsweep::runner
