#pragma once

#include <torch/nn.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/attention/attention.h"
#include "models/layers/batch_norm.h"
#include "models/layers/drop_block.h"
#include "models/layers/recomputed.h"

namespace medsweep::models {

/// The network that is a file of PyTorch's.
inline constexpr std::string_view kTorchScript = "torchscript";

/// How a decoder's features become twice as large.
enum class Upsampling { kNearest, kTransposed };

/// "nearest", "transposed". Throws std::invalid_argument for another name.
Upsampling upsampling_of(std::string_view name);

/// What of an H-DenseUNet is trained.
enum class HybridStage {
  kAll,
  kPlanar,   ///< the 2-D part alone, which gives the logits
  kSpatial,  ///< the rest; the 2-D part stays as it is
};

/// "all", "2d", "3d". Throws std::invalid_argument for another name.
HybridStage hybrid_stage_of(std::string_view name);

struct NetworkOptions {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 1;        ///< logits per pixel
  std::int64_t width = 64;              ///< channels of the first level; doubled at each
  std::int64_t depth = 5;               ///< levels: depth - 1 poolings
  std::string normalization = "batch";  ///< a row of normalization_rows()
  BatchStatistics batch_statistics = BatchStatistics::kSynchronized;
  PlacedAttention attention{};                  ///< at each of attention_places; see AttentionSlots
  std::vector<std::string> attention_places{};  ///< none given: "all", of gates "skip"
  std::int64_t patch_slices = 0;                ///< in three dimensions D of the input; 0: any
  DropBlockOptions drop_block{};                ///< sa_unet
  std::string file{};                           ///< torchscript
  std::int64_t size_multiple = 16;              ///< torchscript
  std::string backbone{};              ///< a row of backbone_rows(); empty: the network's own
  double auxiliary = 0.5;              ///< weight of the auxiliary head's losses; 0: no such head
  std::optional<double> dropout{};     ///< before the logits; none: the network's own
  std::vector<std::int64_t> widths{};  ///< unet3d: channels by level; none given: 16, 32, 64, 128
  std::string layer_order{};  ///< unet3d, vnet: see OrderedConvolution3d; none given: "cpi"
  Upsampling upsampling = Upsampling::kNearest;  ///< unet3d
  /// vnet_original: convolutions of its stages; none given: 2, 3, 3, 3 and 3, 3, 2, 1.
  std::vector<std::int64_t> down_convolutions{}, up_convolutions{};
  Activations activations = Activations::kKept;  ///< unet, unet3d, vnet and their originals
  HybridStage hybrid_stage = HybridStage::kAll;  ///< h_denseunet
  std::vector<double> auxiliary_weights{};       ///< voxresnet: of its depths; none given: 1/3 each
};

/// A head that only helps to train: its losses count `weight` times beside those of the logits.
struct AuxiliaryHead {
  std::string name;
  double weight;
};

/// What is known of a network before it is made: channels of its features by level (0 the full
/// size, each further one half of it), as AttentionSlots takes them, and what it asks of images.
struct NetworkShape {
  std::int64_t size_multiple = 1;
  std::int64_t smallest_side = 1;       ///< of volumes: at the deepest level there is a voxel left
  std::int64_t largest_side = 1;        ///< of volumes, at least: there are two
  std::int64_t smallest_plane = 1;      ///< of volumes: height and width, at least
  std::int64_t least_samples = 1;       ///< that batch normalisation needs in training
  std::vector<std::int64_t> encoder{};  ///< the bottleneck last; 0: nothing may stand there
  std::vector<std::int64_t> skip{};     ///< a level fewer, likewise
  std::vector<std::int64_t> decoder{};
  std::int64_t decoder_start = 0;        ///< channels that gate the first skip; 0: none is gated
  std::int64_t dimensions = 2;           ///< of the images
  std::vector<std::int64_t> halvings{};  ///< of each level's sides; empty: the level's number
  enum class Blocks { kFixed, kReplaceable } blocks = Blocks::kFixed;  ///< see AttentionRole
};

/// Channels of a network's levels: width, 2 width, 4 width ... `count` of them.
std::vector<std::int64_t> doubled_widths(std::int64_t width, std::int64_t count);

/// Of a network that halves its maps depth - 1 times, with a decoder level for each.
NetworkShape halving_shape(const NetworkOptions& options);

/// What a network gives while it is trained.
struct NetworkOutputs {
  torch::Tensor logits;                    ///< as of forward()
  std::vector<torch::Tensor> auxiliary{};  ///< logits of each of auxiliary_heads()
  torch::Tensor features{};  ///< [N, F, ...] of the logits' size: what the last convolution takes
};

/// Images to a logit per pixel and channel: [N, in, H, W] -> [N, out, H, W]; volumes [N, in, D, H,
/// W] likewise.
class SegmentationNetwork : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument when a side is no multiple of size_multiple() or is too small.
  virtual torch::Tensor forward(const torch::Tensor& images) = 0;
  virtual std::int64_t size_multiple() const = 0;
  virtual std::int64_t smallest_side() const { return size_multiple(); }
  /// Pixels or voxels on each side of an input that the logits of outputs() leave out.
  virtual std::int64_t margin() const { return 0; }
  virtual std::vector<AuxiliaryHead> auxiliary_heads() const { return {}; }
  /// The logits, then those of each of auxiliary_heads(), [N, out, ...] of any smaller size.
  virtual std::vector<torch::Tensor> forward_all(const torch::Tensor& images) {
    return {forward(images)};
  }
  /// Sets the parameters that begin as something of their own, whatever `init` says.
  virtual void initialize_own() {}
  /// F of outputs().features; 0: there are none.
  virtual std::int64_t feature_channels() const { return 0; }
  /// forward_all() and what else losses look at; called instead of forward() in training.
  virtual NetworkOutputs outputs(const torch::Tensor& images) {
    const std::vector<torch::Tensor> all = forward_all(images);
    return {all.front(), {all.begin() + 1, all.end()}};
  }
};

/// Throws std::invalid_argument for an unknown name (with the nearest known one) or bad options.
std::shared_ptr<SegmentationNetwork> make_network(std::string_view name,
                                                  const NetworkOptions& options);

/// The network's shape, without making it. Throws as make_network.
NetworkShape network_shape(std::string_view name, const NetworkOptions& options);

/// Whether outputs() of the network has features. Throws std::invalid_argument for an unknown name.
bool gives_features(std::string_view name);

/// The backbone of a network that is told none; empty for one that has none.
std::string_view default_backbone(std::string_view name);

/// Whether a network may be told its backbone.
bool takes_backbone(std::string_view name);

/// The networks, as rows of the kind "model".
std::vector<Row> network_rows();

/// 2: takes images, 3: takes volumes. Throws as make_network for an unknown name.
std::int64_t network_dimensions(std::string_view name);

/// Throws std::invalid_argument "[where] 3x250x250 ...; multiples of 16 are allowed" unless
/// `images` is [N, channels, H, W] with H and W multiples of `multiple`.
void check_images(std::string_view where, const torch::Tensor& images, std::int64_t channels,
                  std::int64_t multiple);

/// The same for volumes [N, channels, D, H, W] with sides as the shape allows: enough voxels at the
/// deepest level for its normalisations to have something to compare.
void check_volumes(std::string_view where, const torch::Tensor& volumes, std::int64_t channels,
                   const NetworkShape& shape);

}  // namespace medsweep::models
