#include "runner/prediction.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <optional>
#include <span>
#include <stdexcept>

#include "datasets/resize.h"
#include "datasets/volume_patch.h"
#include "runner/group_error.h"

namespace medsweep::runner {
namespace {

using datasets::Box;
using datasets::EvaluationSample;
using datasets::Extent;
using datasets::Mosaic;
using datasets::VolumeMosaic;
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

/// One input of the network: a part of a sample, or all of it. Of images the depth is 1.
struct Tile {
  std::size_t sample;
  Box box;
};

/// A sample's prediction as it comes together.
struct Canvas {
  models::Prediction whole;           ///< of a sample that is one tile
  std::optional<Mosaic> windows;      ///< of the other images
  std::optional<VolumeMosaic> boxes;  ///< of the other volumes

  bool slides() const { return windows || boxes; }
};

bool is_volume(const EvaluationSample& sample) { return sample.sample.image.dim() == 4; }

/// Volumes are given in boxes of the patch's size, also where they are smaller: some networks are
/// built for its depth.
bool slides(const EvaluationSample& sample, const Extent& patch) {
  if (patch.height == 0 || patch.width == 0) return false;
  const Extent image = datasets::image_extent(sample.sample.image);
  return is_volume(sample) || image.height > patch.height || image.width > patch.width;
}

Window window_of(const Box& box) { return {box.first[1], box.first[2], box.extent}; }

torch::Tensor cut_tile(const torch::Tensor& image, const Box& box) {
  return image.dim() == 4 ? datasets::cut(image, box, 0) : datasets::cut(image, window_of(box), 0);
}

std::vector<Tile> lay_out(const std::vector<EvaluationSample>& samples,
                          const PredictionOptions& options, std::vector<Canvas>& canvases) {
  std::vector<Tile> tiles;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Extent image = datasets::image_extent(samples[i].sample.image);
    if (!slides(samples[i], options.patch)) {
      tiles.push_back({i, {{}, image}});
    } else if (is_volume(samples[i])) {
      canvases[i].boxes.emplace(image, options.patch, options.weight);
      for (const Box& box : datasets::boxes(image, options.patch, options.overlap))
        tiles.push_back({i, box});
    } else {
      canvases[i].windows.emplace(image, options.patch, options.weight);
      for (const Window& window : datasets::windows(image, options.patch, options.overlap))
        tiles.push_back({i, {{0, window.top, window.left}, window.extent}});
    }
  }
  return tiles;
}

/// One past the last tile that shares a batch with tile `first`.
std::size_t batch_end(const std::vector<Tile>& tiles, std::size_t first, std::int64_t batch_size) {
  std::size_t end = first + 1;
  while (end < tiles.size() && end - first < static_cast<std::size_t>(batch_size) &&
         tiles[end].box.extent == tiles[first].box.extent)
    ++end;
  return end;
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

using Axes = std::vector<std::int64_t>;

/// The axes along which to mirror [C, (D,) H, W], one list for each of the means' parts.
std::vector<Axes> mirrorings(Mirroring mirroring, std::int64_t dimensions) {
  std::vector<Axes> all{{}};
  for (std::int64_t axis = 1; mirroring == Mirroring::kAll && axis <= dimensions; ++axis)
    for (std::size_t i = 0, count = all.size(); i < count; ++i) {
      all.push_back(all[i]);
      all.back().push_back(axis);
    }
  return all;
}

torch::Tensor mirrored(const torch::Tensor& image, const Axes& axes) {
  return axes.empty() ? image : image.flip(axes);
}

datasets::Batch batch_of(const std::vector<EvaluationSample>& samples, std::span<const Tile> tiles,
                         const Axes& axes, std::int64_t multiple) {
  std::vector<datasets::Sample> parts;
  for (const Tile& tile : tiles) {
    const datasets::Sample& sample = samples[tile.sample].sample;
    parts.push_back({mirrored(cut_tile(sample.image, tile.box), axes), {}, sample.id});
  }
  return datasets::collate(parts, multiple, parts.front().image.size(0));
}

/// Of tiles of one size, on the host.
models::Predictions predict_tiles(models::Model& model,
                                  const std::vector<EvaluationSample>& samples,
                                  std::span<const Tile> tiles, const PredictionOptions& options) {
  const std::int64_t dimensions = samples[tiles.front().sample].sample.image.dim() - 1;
  const std::vector<Axes> views = mirrorings(options.mirroring, dimensions);
  models::Predictions sums;
  for (const Axes& axes : views) {
    datasets::Batch batch = batch_of(samples, tiles, axes, model.size_multiple());
    batch.images = batch.images.to(options.device);
    const models::Predictions predictions = model.predict(batch);
    for (std::size_t i = 0; i < predictions.size(); ++i)
      if (axes.empty())
        sums.push_back(on_host(predictions[i]));
      else
        sums[i].probabilities += mirrored(predictions[i].probabilities.cpu(), axes);
  }
  if (views.size() == 1) return sums;
  for (models::Prediction& prediction : sums) {
    prediction.probabilities /= static_cast<double>(views.size());
    prediction.labels = model.label_map(prediction.probabilities);
  }
  return sums;
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

/// Each class by itself, as the model's label map of its probabilities alone has it.
torch::Tensor class_maps(const models::Model& model, const torch::Tensor& probabilities) {
  std::vector<torch::Tensor> maps;
  for (std::int64_t i = 0; i < probabilities.size(0); ++i)
    maps.push_back(model.label_map(probabilities.narrow(0, i, 1)));
  return torch::stack(maps);
}

/// On the host, at the image's own size.
models::Prediction finish(const models::Model& model, const Canvas& canvas,
                          const datasets::Placement& placement) {
  const bool as_is = placement.scaled == placement.original && placement.target == placement.scaled;
  if (as_is && !canvas.slides()) return canvas.whole;
  if (!canvas.whole.detections.empty()) {
    models::Prediction prediction;
    for (const auto& [task, found] : canvas.whole.detections)
      prediction.detections[task] = restored(found, placement);
    return prediction;
  }
  torch::Tensor probabilities = canvas.windows ? canvas.windows->result()
                                : canvas.boxes ? canvas.boxes->result()
                                               : canvas.whole.probabilities;
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
    if (options.stop_requested && options.stop_requested()) throw StopRequested();
    end = batch_end(tiles, first, options.batch_size);
    const models::Predictions predictions =
        predict_tiles(model, samples, std::span(tiles).subspan(first, end - first), options);
    for (std::size_t i = first; i < end; ++i) {
      const models::Prediction& prediction = predictions[i - first];
      Canvas& canvas = canvases[tiles[i].sample];
      if (canvas.windows)
        canvas.windows->add(window_of(tiles[i].box), prediction.probabilities);
      else if (canvas.boxes)
        canvas.boxes->add(tiles[i].box, prediction.probabilities);
      else
        canvas.whole = prediction;
    }
  }
  models::Predictions result;
  for (std::size_t i = 0; i < samples.size(); ++i)
    result.push_back(finish(model, canvases[i], samples[i].placement));
  if (model.classes_overlap())
    for (models::Prediction& one : result) one.class_maps = class_maps(model, one.probabilities);
  return result;
}

models::Prediction predict_sample(models::Model& model, const EvaluationSample& sample,
                                  const PredictionOptions& options) {
  return predict(model, {sample}, options).front();
}

}  // namespace medsweep::runner
