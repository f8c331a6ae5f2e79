#pragma once

#include <torch/nn.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/attention/attention.h"
#include "models/layers/batch_norm.h"

namespace medsweep::models {

/// Which convolution of a bottleneck block halves the map.
enum class BlockStride {
  kMiddle,  ///< the 3x3 one ("v1.5", torchvision's; default)
  kFirst,   ///< the first 1x1 one (He et al.'s own, matterport's)
};

enum class ConvolutionBias {
  kNone,     ///< torchvision's; the normalisation's shift does the same
  kTrained,  ///< matterport's
};

struct BackboneOptions {
  std::int64_t in_channels = 3;
  std::string normalization = "batch";  ///< a row of normalization_rows()
  BatchStatistics batch_statistics = BatchStatistics::kSynchronized;
  double eps = 1e-5;      ///< of the normalisation
  double momentum = 0.1;  ///< of its running statistics
  BlockStride stride = BlockStride::kMiddle;
  ConvolutionBias bias = ConvolutionBias::kNone;
  /// Pixels of the image to one of C5: 32, or of ResNets 16 or 8, where the last stage (or two) has
  /// dilated kernels in place of a stride, as torchvision's replace_stride_with_dilation.
  std::int64_t output_stride = 32;
  /// place -> what stands there: "c3", "c4" or "c5". Its output feeds both the next stage and the
  /// caller. Keys: attention.c4.*. The channels are filled in.
  std::map<std::string, PlacedAttention> attention{};
};

/// The options that matterport's Mask R-CNN has: stride in the first 1x1 convolution, biases,
/// eps 1e-3, momentum 0.01, frozen normalisation. The pooling behind the stem stays torchvision's.
BackboneOptions matterport_backbone();

/// What a caller puts between a backbone's levels: (level, its map) -> what is used in its place.
using AfterLevel = std::function<torch::Tensor(std::int64_t level, const torch::Tensor& features)>;

/// Images to five maps of features C1...C5, at a half, a quarter, an eighth, a 16th and a 32nd of
/// their size (rounded up, or as the backbone says; see BackboneOptions::output_stride).
class Backbone : public torch::nn::Module {
 public:
  static constexpr std::size_t kLevels = 5;

  /// [N, in, H, W] -> C2, C3, C4, C5, each [N, channels()[i], H / 4 / 2^i, W / 4 / 2^i].
  /// Throws std::invalid_argument for other shapes.
  std::vector<torch::Tensor> forward(const torch::Tensor& images);
  std::vector<std::int64_t> channels() const;
  /// Likewise C1...C5. `after` is called with 1...5 for each as soon as it is known; what it
  /// returns goes into the next stage and to the caller.
  std::vector<torch::Tensor> levels(const torch::Tensor& images, const AfterLevel& after = {});
  const std::array<std::int64_t, kLevels>& level_channels() const { return level_channels_; }

 protected:
  Backbone(const BackboneOptions& options, const std::array<std::int64_t, kLevels>& channels)
      : in_channels_(options.in_channels), level_channels_(channels) {}
  /// To be called at the end of the constructor.
  void add_attention(const BackboneOptions& options);
  virtual std::vector<torch::Tensor> run(const torch::Tensor& images, const AfterLevel& after) = 0;

 private:
  std::int64_t in_channels_;
  std::array<std::int64_t, kLevels> level_channels_;
  std::array<std::shared_ptr<Attention>, kLevels> attention_;  ///< mostly null
};

/// Keys are those of torchvision (ResNeSt: timm) without the classifier, of a ResNet conv1.weight,
/// bn1.*, layer1.0.conv1.weight, layer1.0.bn1.*, layer1.0.downsample.0.weight, ...downsample.1.*
/// ... Throws std::invalid_argument for an unknown name (with the nearest known one) or bad
/// options.
std::shared_ptr<Backbone> make_backbone(std::string_view name, const BackboneOptions& options);

/// Throws what make_backbone throws, without making anything.
void check_backbone(std::string_view name, const BackboneOptions& options);

/// Samples that its batch normalisation needs while training.
std::int64_t backbone_least_samples(std::string_view name);

/// level_channels() of that backbone, without making it. Throws as make_backbone.
std::array<std::int64_t, Backbone::kLevels> backbone_channels(std::string_view name);

/// The names that make_backbone knows.
std::vector<Row> backbone_rows();

/// How the three channels of a first convolution become one.
enum class StemFold {
  kSum,   ///< a grey image gives what it gave as R = G = B
  kMean,  ///< a third of that, as Heart does; a trainable normalisation takes up the factor
};

/// The first convolution's kernel of RGB images, for grey ones: [64, 3, 7, 7] -> [64, 1, 7, 7].
/// Throws std::invalid_argument unless `weight` is [out, 3, height, width].
torch::Tensor fold_stem(const torch::Tensor& weight, StemFold fold);

/// "sum", "mean". Throws std::invalid_argument for another name.
StemFold stem_fold_of(std::string_view name);

}  // namespace medsweep::models
