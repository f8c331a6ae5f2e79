#pragma once

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace medsweep::datasets {

/// In a label map: outside the field of view, or padding. Counts in no loss and in no metric.
inline constexpr std::int64_t kIgnored = -1;

/// The size of an image in pixels; depth is 1 in two dimensions.
struct Extent {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t depth = 1;
  bool operator==(const Extent&) const = default;
};

/// Of an image [C, H, W] or a volume [C, D, H, W].
Extent image_extent(const torch::Tensor& image);

/// Who a sample is. Metrics are kept per case and reported with these names.
struct SampleId {
  std::int64_t index = 0;         ///< position in its file
  std::string name;               ///< "patient001_ED/3": unique within the file
  std::string case_name;          ///< "patient001_ED": the samples that are evaluated as one volume
  std::string patient;            ///< the unit of splitting
  std::string group;              ///< e.g. "DCM"; empty where unknown
  std::string source;             ///< e.g. "training"; the folder or study it came from
  std::int64_t slice = 0;         ///< position within the case
  std::vector<double> spacing{};  ///< mm along [D, H, W]; empty where unknown
  /// NIfTI's affine, its first three rows: voxel (x, y, z, 1) of the case's volume -> mm, right,
  /// anterior, superior. 12 numbers, or empty where unknown.
  std::vector<double> affine{};
  std::int64_t fold = -1;  ///< the fold that validates it where the data set gives folds
};

/// Objects of one sample, each by itself: boxes and, where known, masks. n may be 0.
struct Instances {
  torch::Tensor boxes{};   ///< [n, 4] float32: x1, y1, x2, y2 in pixels; pixel i covers [i, i + 1)
  torch::Tensor labels{};  ///< [n] uint8: i = classes()[i - 1]
  torch::Tensor ignore{};  ///< [n] uint8: 1 is a crowd, neither to be found nor counted as an error
  torch::Tensor masks{};   ///< [n, H, W] uint8, 0 or 1; undefined where only boxes are known
  /// [n, h, w] uint8, instead of `masks`: how much of each of h x w equal parts of the object's
  /// box its mask covers, 255 for all (see mini_masks.h).
  torch::Tensor mini_masks{};
  bool defined() const { return boxes.defined(); }
};

/// What is to be predicted for one task of one sample.
struct Target {
  /// [H, W], of volumes [D, H, W] int64: 0 background, 1... the study's classes, kIgnored
  torch::Tensor labels;
  Instances
      instances{};  ///< labels 1... the task's classes; undefined unless objects are asked for
};

/// task -> target. A study without `tasks` has the one task "segmentation".
using Targets = std::map<std::string, Target>;
inline constexpr const char* kSegmentation = "segmentation";

/// One sample as the network sees it, after colour mode, augmentation, patch or resize.
struct Sample {
  torch::Tensor image;  ///< [C, H, W], of volumes [C, D, H, W] float32
  Targets targets;
  SampleId id;
  /// What random layers draw from for this sample: a number of (seed, epoch, sample, draw).
  std::uint64_t random_key = 0;
};

/// What a model takes. Images are padded at the bottom and right (volumes behind, too) to a common
/// size with zeros, label maps likewise with kIgnored; the masks of instances keep their image's
/// own size. Images and volumes do not share a batch.
struct Batch {
  torch::Tensor images;                      ///< [N, C, H, W] or [N, C, D, H, W] float32
  std::vector<Extent> sizes;                 ///< N true extents before padding
  std::vector<Targets> targets;              ///< N; label maps are [(D,) H, W] of `images`
  std::vector<SampleId> samples;             ///< N
  std::vector<std::uint64_t> random_keys{};  ///< N

  std::int64_t size() const { return static_cast<std::int64_t>(samples.size()); }
};

/// Pads and stacks. `multiple`: height and width (of volumes the depth, too) are rounded up to it.
/// An empty list gives a batch of no samples (N = 0) of `channels` x multiple x multiple, of
/// volumes where `at_least` has a depth. `at_least`: the common size is no smaller, so that the
/// parts of a global batch are padded alike. `images`: memory for the result where its size is
/// known before; samples whose image lies in their place in it are not copied.
Batch collate(const std::vector<Sample>& samples, std::int64_t multiple = 1,
              std::int64_t channels = 1, const Extent& at_least = {},
              const torch::Tensor& images = {});

std::int64_t round_up(std::int64_t value, std::int64_t multiple);

/// Samples [first, last) of a batch; tensors are views. Throws std::invalid_argument where the
/// batch has not so many.
Batch slice(const Batch& batch, std::int64_t first, std::int64_t last);

}  // namespace medsweep::datasets
