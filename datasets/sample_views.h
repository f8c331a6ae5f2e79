#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"
#include "datasets/augmentation/view.h"
#include "datasets/color_mode.h"
#include "datasets/data_pool.h"
#include "datasets/objects.h"
#include "datasets/patch.h"
#include "datasets/resize.h"

namespace medsweep::datasets {

/// What becomes of a stored sample on its way to the network.
struct SampleOptions {
  std::string color_mode = "rgb";
  std::string normalization = "none";
  /// The study's classes: class i becomes label i + 1, all others of the data become background.
  /// Empty: all classes of the first file, in its order. Where one is a region of the first file,
  /// label maps hold the classes that they are made of instead: see SegmentationDataset::regions.
  std::vector<std::string> classes;
  /// One target per list, called by its classes joined with '+', its labels counted in its own
  /// order. Empty: the one task "segmentation" of `classes`.
  std::vector<std::vector<std::string>> tasks;
  ObjectSource objects = ObjectSource::kNone;  ///< other than kNone: targets are instances
  Extent mini_masks;                           ///< of objects to train on; 0 x 0: whole masks
  Augmentation augmentation;                   ///< no `apply`: none
  ResizeMode resize = ResizeMode::kNone;
  Extent size;         ///< of the network's input, for stretch and pad
  PatchOptions patch;  ///< for training
  std::uint64_t seed = 0;
};

/// Stored samples of a pool as views: colour mode, normalisation, resize, patch, class codes, in
/// this order. Labels are codes: 0 background, i + 1 the class classes[i], kIgnored outside the
/// field of view. Any thread may call.
class SampleViews {
 public:
  /// Throws std::invalid_argument for an unknown class (with the nearest) or normalisation.
  SampleViews(std::shared_ptr<const DataPool> pool, SampleOptions options,
              const std::vector<std::string>& classes);

  /// [(D,) H, W] int16 of the stored size. Throws std::invalid_argument for a sample without
  /// labels, unless objects are asked for.
  torch::Tensor codes(const RawSample& raw, std::int64_t pool_index) const;
  /// Stored label -> code, of the sample's file.
  const ObjectCodes& table(std::int64_t pool_index) const;

  /// All of an image or volume. image: memory in which the view's image may be given, or undefined.
  View whole(const RawSample& raw, std::int64_t pool_index, const Placement& placement,
             const torch::Tensor& image = {}) const;
  /// A patch of an image with context for the augmentation; only its pixels are converted where
  /// nothing is resized.
  View patch(const RawSample& raw, std::int64_t pool_index, std::uint64_t epoch,
             const Draw& draw) const;
  /// A patch of a volume with context; of the image only its voxels are read and converted.
  View volume_patch(std::int64_t pool_index, std::uint64_t epoch, const Draw& draw) const;

 private:
  RandomStream patch_stream(std::int64_t pool_index, std::uint64_t epoch, const Draw& draw) const;
  std::vector<ChannelScale> volume_scales(std::int64_t pool_index, const torch::Tensor& part) const;

  std::shared_ptr<const DataPool> pool_;
  SampleOptions options_;
  std::vector<ObjectCodes> member_codes_;  ///< one per member of the pool
  mutable std::mutex scales_mutex_;
  mutable std::map<std::int64_t, std::vector<ChannelScale>> scales_;  ///< of whole volumes
};

}  // namespace medsweep::datasets
