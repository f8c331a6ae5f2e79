#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/sample_views.h"

namespace medsweep::datasets {

/// kTrain: augmented, cut in patches. kEvaluate: neither; the whole image, resized.
enum class SampleMode { kTrain, kEvaluate };

/// A sample to be judged: what the network is given, and the truth at the image's own size.
struct EvaluationSample {
  Sample sample;
  Targets truth;        ///< at the stored image's size; labels undefined where there are none
  Placement placement;  ///< for `restore`
};

/// Samples of a pool for segmentation: colour mode, normalisation, resize, patch, augmentation,
/// class map, in this order. A patch is cut with context, so that a rotation finds real pixels.
/// Labels outside the field of view are kIgnored. With objects, targets have instances (boxes and,
/// where the data has them, masks) and in training no label map; whole images only. Volumes give
/// label maps and are not resized; of a patch only what it touches is converted.
///
/// All randomness is a function of (seed, epoch, sample, draw number), where a sample is known by
/// its position in the pool: threads, ranks and order change nothing. Any thread may call.
class SegmentationDataset : public Dataset {
 public:
  /// indices: positions in the pool. Throws std::invalid_argument for what cannot be: an unknown
  /// class (with the nearest), a class that a file of the pool lacks, a class twice, an impossible
  /// colour mode, patches of objects, bad options.
  SegmentationDataset(std::shared_ptr<const DataPool> pool, std::vector<std::int64_t> indices,
                      SampleOptions options, SampleMode mode);

  /// The number of samples; patches do not count (Sampler's draws_per_sample does).
  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  /// Draw 0 of the sample in the epoch last set.
  Sample get(std::int64_t index) const override { return get(epoch_, {index, 0}); }
  /// Turn `draw.number` of sample `draw.sample` in an epoch. image: [C, (D,) H, W] float32 of
  /// extent(draw.sample), memory in which the image may be given; undefined: in its own.
  Sample get(std::int64_t epoch, const Draw& draw, const torch::Tensor& image = {}) const;
  void set_epoch(std::int64_t epoch) { epoch_ = epoch; }
  /// Whole image and truth, whatever the mode.
  EvaluationSample evaluate(std::int64_t index) const;

  /// Of every sample that `get` gives; known without reading.
  Extent extent(std::int64_t index) const;
  const SampleId& id(std::int64_t index) const;
  std::int64_t channels() const { return channels_; }
  /// task -> the names of its labels 1, 2 ...
  const std::map<std::string, std::vector<std::string>>& tasks() const { return tasks_; }
  /// Of each of the task's classes the labels that it is the union of, where one is a region, so
  /// that they may overlap; else empty: class i is label i + 1.
  const std::vector<std::vector<std::int64_t>>& regions() const { return regions_; }

 private:
  std::int64_t pool_index(std::int64_t index) const;
  void check_dimensions() const;
  void resolve_classes();
  Targets targets(const torch::Tensor& codes) const;
  Targets targets(const Instances& objects) const;
  Instances objects(const RawSample& raw, std::int64_t pool_index,
                    const Placement& placement) const;
  std::uint64_t random_key(std::int64_t epoch, std::int64_t pool_index, const Draw& draw) const;
  void augment(View& view, std::int64_t epoch, std::int64_t pool_index, const Draw& draw) const;
  Sample labelled_sample(std::int64_t epoch, std::int64_t position, const Draw& draw,
                         const torch::Tensor& image) const;
  Sample sample_of_objects(std::int64_t epoch, std::int64_t position, const Draw& draw,
                           const torch::Tensor& image) const;

  std::shared_ptr<const DataPool> pool_;
  std::vector<std::int64_t> indices_;
  SampleOptions options_;
  SampleMode mode_;
  std::int64_t channels_ = 0;
  std::vector<std::string> all_classes_;  // of all tasks; of regions what they are made of
  std::vector<std::vector<std::int64_t>> regions_;
  std::optional<SampleViews> views_;
  std::map<std::string, std::vector<std::string>> tasks_;
  std::map<std::string, std::vector<std::int64_t>> task_labels_;  // code + 1 -> label
  std::atomic<std::int64_t> epoch_ = 0;
};

}  // namespace medsweep::datasets
