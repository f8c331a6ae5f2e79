#include "datasets/converters/brain_normalization.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <cmath>
#include <stdexcept>

#include "datasets/converters/nifti_volume.h"

namespace medsweep::datasets {
namespace {

/// [D, H, W] bool
torch::Tensor brain_of(const torch::Tensor& image, const std::filesystem::path& mask) {
  if (mask.empty()) return image.ne(0).any(0);
  const torch::Tensor brain = read_nifti(mask).voxels.gt(0.5);
  if (brain.sizes() != image.sizes().slice(1))
    throw std::invalid_argument(fmt::format(
        "[{}] {} voxels, but its image has {}; equal sizes are "
        "needed",
        mask.string(), fmt::join(brain.sizes(), " x "), fmt::join(image.sizes().slice(1), " x ")));
  return brain;
}

struct BrainMoments {
  double mean = 0, deviation = 0;
};

BrainMoments moments_in(const float* values, const bool* inside, std::int64_t count) {
  double sum = 0, squares = 0;
  std::int64_t voxels = 0;
  for (std::int64_t i = 0; i < count; ++i)
    if (inside[i]) {
      sum += static_cast<double>(values[i]);
      ++voxels;
    }
  const double mean = voxels == 0 ? 0 : sum / static_cast<double>(voxels);
  for (std::int64_t i = 0; i < count; ++i)
    if (inside[i]) squares += std::pow(static_cast<double>(values[i]) - mean, 2);
  return {mean, voxels == 0 ? 0 : std::sqrt(squares / static_cast<double>(voxels))};
}

}  // namespace

torch::Tensor normalized_in_brain(const torch::Tensor& image, const std::filesystem::path& mask,
                                  const std::vector<std::filesystem::path>& channels) {
  const torch::Tensor brain = brain_of(image, mask).contiguous();
  if (!brain.any().item<bool>())
    throw std::invalid_argument(fmt::format("[{}] no brain in it; a voxel above 0 is needed",
                                            (mask.empty() ? channels.front() : mask).string()));
  torch::Tensor made = image.to(torch::kFloat32).clone();
  for (std::int64_t c = 0; c < made.size(0); ++c) {
    torch::Tensor channel = made[c];
    const BrainMoments moments =
        moments_in(channel.data_ptr<float>(), brain.data_ptr<bool>(), channel.numel());
    if (moments.deviation <= 0)
      throw std::invalid_argument(
          fmt::format("[{}] the same value all over the brain; it cannot be normalised",
                      channels.at(static_cast<std::size_t>(c)).string()));
    channel.sub_(moments.mean).div_(moments.deviation).masked_fill_(brain.logical_not(), 0);
  }
  return made;
}

}  // namespace medsweep::datasets
