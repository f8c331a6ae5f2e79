#include "runner/prediction.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <optional>
#include <stdexcept>

#include "datasets/resize.h"

namespace medsweep::runner {
namespace {

using datasets::EvaluationSample;
using datasets::Extent;
using datasets::Mosaic;
using datasets::Window;

/// eval() mode while it lives. A model that is in it already is not touched: several threads may
/// share that.
class EvaluationMode {
 public:
  explicit EvaluationMode(models::Model& model)
      : model_(model), was_training_(model.is_training()) {
    if (was_training_) model_.eval();
  }
  ~EvaluationMode() {
    if (was_training_) model_.train();
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  models::Model& model_;
  bool was_training_;
};

/// One input of the network: a sample's window, or all of its image.
struct Tile {
  std::size_t sample;
  Window window;
};

/// A sample's prediction as it comes together.
struct Canvas {
  models::Prediction whole;       ///< of an image that is one tile
  std::optional<Mosaic> windows;  ///< of the others
};

Extent input_extent(const EvaluationSample& sample) {
  return {sample.sample.image.size(1), sample.sample.image.size(2)};
}

bool slides(const Extent& image, const Extent& patch) {
  return patch.height > 0 && patch.width > 0 &&
         (image.height > patch.height || image.width > patch.width);
}

std::vector<Tile> lay_out(const std::vector<EvaluationSample>& samples,
                          const PredictionOptions& options, std::vector<Canvas>& canvases) {
  std::vector<Tile> tiles;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Extent image = input_extent(samples[i]);
    if (!slides(image, options.patch)) {
      tiles.push_back({i, {0, 0, image}});
      continue;
    }
    canvases[i].windows.emplace(image, options.patch, options.weight);
    for (const Window& window : datasets::windows(image, options.patch, options.overlap))
      tiles.push_back({i, window});
  }
  return tiles;
}

/// One past the last tile that shares a batch with tile `first`.
std::size_t batch_end(const std::vector<Tile>& tiles, std::size_t first, std::int64_t batch_size) {
  std::size_t end = first + 1;
  while (end < tiles.size() && end - first < static_cast<std::size_t>(batch_size) &&
         tiles[end].window.extent == tiles[first].window.extent)
    ++end;
  return end;
}

datasets::Batch batch_of(const std::vector<EvaluationSample>& samples, const Tile* first,
                         const Tile* last, std::int64_t multiple) {
  std::vector<datasets::Sample> parts;
  for (const Tile* tile = first; tile != last; ++tile) {
    const datasets::Sample& sample = samples[tile->sample].sample;
    parts.push_back({datasets::cut(sample.image, tile->window, 0), {}, sample.id});
  }
  return datasets::collate(parts, multiple, parts.front().image.size(0));
}

torch::Tensor on_host(const torch::Tensor& tensor) {
  return tensor.defined() ? tensor.cpu() : tensor;
}

models::Prediction on_host(const models::Prediction& prediction) {
  models::Prediction host{on_host(prediction.probabilities), on_host(prediction.labels)};
  for (const auto& [task, found] : prediction.detections)
    host.detections[task] = {on_host(found.boxes), on_host(found.scores), on_host(found.labels),
                             on_host(found.masks)};
  return host;
}

/// Boxes and masks back in the image as it was before it was scaled and padded.
models::Detections restored(const models::Detections& found, const datasets::Placement& placement) {
  const auto& [original, target, scaled, top, left] = placement;
  models::Detections result = found;
  const double x = static_cast<double>(original.width) / static_cast<double>(scaled.width);
  const double y = static_cast<double>(original.height) / static_cast<double>(scaled.height);
  const auto dx = static_cast<double>(left), dy = static_cast<double>(top);
  result.boxes = (found.boxes - torch::tensor({dx, dy, dx, dy}, torch::kFloat32)) *
                 torch::tensor({x, y, x, y}, torch::kFloat32);
  const auto width = static_cast<double>(original.width),
             height = static_cast<double>(original.height);
  result.boxes = torch::minimum(result.boxes.clamp_min(0),
                                torch::tensor({width, height, width, height}, torch::kFloat32));
  if (found.masks.defined() && found.masks.size(0) > 0)
    result.masks =
        (datasets::restore(found.masks.to(torch::kFloat32), placement) > 0.5).to(torch::kUInt8);
  else if (found.masks.defined())
    result.masks = torch::zeros({0, original.height, original.width}, torch::kUInt8);
  return result;
}

/// On the host, at the image's own size.
models::Prediction finish(const models::Model& model, const Canvas& canvas,
                          const datasets::Placement& placement) {
  const bool as_is = placement.scaled == placement.original && placement.target == placement.scaled;
  if (as_is && !canvas.windows) return canvas.whole;
  if (!canvas.whole.detections.empty()) {
    models::Prediction prediction;
    for (const auto& [task, found] : canvas.whole.detections)
      prediction.detections[task] = restored(found, placement);
    return prediction;
  }
  torch::Tensor probabilities =
      canvas.windows ? canvas.windows->result() : canvas.whole.probabilities;
  if (!as_is) probabilities = datasets::restore(probabilities, placement);
  return {probabilities, model.label_map(probabilities)};
}

}  // namespace

models::Predictions predict(models::Model& model, const std::vector<EvaluationSample>& samples,
                            const PredictionOptions& options) {
  if (options.batch_size < 1)
    throw std::invalid_argument(fmt::format(
        "[prediction] a batch of {} images; at least 1 is allowed", options.batch_size));
  const torch::NoGradGuard no_gradient;
  const EvaluationMode evaluation_mode(model);
  std::vector<Canvas> canvases(samples.size());
  const std::vector<Tile> tiles = lay_out(samples, options, canvases);
  for (std::size_t first = 0, end = 0; first < tiles.size(); first = end) {
    end = batch_end(tiles, first, options.batch_size);
    datasets::Batch batch =
        batch_of(samples, tiles.data() + first, tiles.data() + end, model.size_multiple());
    batch.images = batch.images.to(options.device);
    const models::Predictions predictions = model.predict(batch);
    for (std::size_t i = first; i < end; ++i) {
      const models::Prediction& prediction = predictions[i - first];
      Canvas& canvas = canvases[tiles[i].sample];
      if (canvas.windows)
        canvas.windows->add(tiles[i].window, prediction.probabilities.cpu());
      else
        canvas.whole = on_host(prediction);
    }
  }
  models::Predictions result;
  for (std::size_t i = 0; i < samples.size(); ++i)
    result.push_back(finish(model, canvases[i], samples[i].placement));
  return result;
}

models::Prediction predict_sample(models::Model& model, const EvaluationSample& sample,
                                  const PredictionOptions& options) {
  return predict(model, {sample}, options).front();
}

}  // namespace medsweep::runner
