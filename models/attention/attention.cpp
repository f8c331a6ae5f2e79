#include "models/attention/attention.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/attention/channel_attention.h"
#include "models/attention/dual_attention.h"
#include "models/attention/feature_maps.h"
#include "models/attention/project_excite.h"
#include "models/attention/self_attention.h"
#include "models/attention/slice_attention.h"
#include "models/attention/spatial_attention.h"

namespace medsweep::models {
namespace {

using MakeAttention = std::shared_ptr<Attention> (*)(const AttentionOptions&);

/// Rows that do not stand alone have no factory: who puts them somewhere makes them.
struct AttentionKind {
  AttentionTraits traits;
  MakeAttention make;
};

class NoAttention : public Attention {
 public:
  explicit NoAttention(const AttentionOptions& options) : options_(options) {}
  torch::Tensor forward(const torch::Tensor& features) override {
    check_features("none", features, options_);
    return features;
  }

 private:
  AttentionOptions options_;
};

template <typename Layer>
std::shared_ptr<Attention> make_layer(const AttentionOptions& options) {
  return std::make_shared<Layer>(options);
}

template <SliceOrder Order>
std::shared_ptr<Attention> make_slices(const AttentionOptions& options) {
  return std::make_shared<SliceAttention>(options, Order);
}

constexpr AttentionTraits kAnywhere{AttentionRole::kModule, 2, 3, {}};
// A constant added to all logits of a query changes no weight.
constexpr AttentionTraits kByKeys{AttentionRole::kModule, 2, 3, "key.bias"};
constexpr AttentionTraits kOfVolumes{AttentionRole::kModule, 3, 3, {}};

constexpr std::array kAttentions{
    Entry<AttentionKind>{"none",
                         "noattn",
                         "models/attention/attention",
                         {kAnywhere, make_layer<NoAttention>},
                         "no attention: the input itself"},
    Entry<AttentionKind>{"self_attention",
                         "self",
                         "models/attention/self_attention",
                         {kByKeys, make_layer<SelfAttention>},
                         "positions: each sees all others, wherever they lie (arXiv 1805.08318)"},
    Entry<AttentionKind>{"relative_self_attention",
                         "relative",
                         "models/attention/self_attention",
                         {kByKeys, make_layer<RelativeSelfAttention>},
                         "positions: each sees all others and how far they lie (arXiv 1803.02155)"},
    Entry<AttentionKind>{"se",
                         "se",
                         "models/attention/channel_attention",
                         {kAnywhere, make_layer<SqueezeExcitation>},
                         "channels: squeeze and excitation (arXiv 1709.01507)"},
    Entry<AttentionKind>{"scse",
                         "scse",
                         "models/attention/spatial_attention",
                         {kAnywhere, make_layer<ConcurrentSqueezeExcitation>},
                         "channels beside positions (arXiv 1803.02579)"},
    Entry<AttentionKind>{"spatial",
                         "spatial",
                         "models/attention/spatial_attention",
                         {kAnywhere, make_layer<SpatialAttention>},
                         "positions: by mean and maximum over the channels (arXiv 2004.03696)"},
    Entry<AttentionKind>{"cbam",
                         "cbam",
                         "models/attention/spatial_attention",
                         {kAnywhere, make_layer<Cbam>},
                         "channels, then positions (arXiv 1807.06521)"},
    Entry<AttentionKind>{"eca",
                         "eca",
                         "models/attention/channel_attention",
                         {kAnywhere, make_layer<EfficientChannelAttention>},
                         "channels: one convolution along them (arXiv 1910.03151)"},
    Entry<AttentionKind>{"project_excite",
                         "pe",
                         "models/attention/project_excite",
                         {kAnywhere, make_layer<ProjectExcite>},
                         "channels at each position: by the planes through it (arXiv 1906.04649)"},
    Entry<AttentionKind>{"dual",
                         "dual",
                         "models/attention/dual_attention",
                         {kByKeys, make_layer<DualAttention>},
                         "positions and channels: each sees all others (arXiv 1809.02983)"},
    Entry<AttentionKind>{"cs",
                         "cs",
                         "models/attention/slice_attention",
                         {kOfVolumes, make_slices<SliceOrder::kChannelsFirst>},
                         "channels, then a volume's slices; built for the depth of the patch"},
    Entry<AttentionKind>{"sc",
                         "sc",
                         "models/attention/slice_attention",
                         {kOfVolumes, make_slices<SliceOrder::kSlicesFirst>},
                         "a volume's slices, then channels; built for the depth of the patch"},
    Entry<AttentionKind>{"pam",
                         "pam",
                         "models/attention/slice_attention",
                         {kOfVolumes, make_slices<SliceOrder::kKeySlices>},
                         "progressive: slices, key slices, then channels by those; built for the "
                         "depth of the patch"},
    Entry<AttentionKind>{"attention_gate",
                         "ag",
                         "models/attention/attention_gate",
                         {{AttentionRole::kGate, 2, 3, "output.bias"}, nullptr},
                         "skips: weighed by the decoder's coarser features (arXiv 1804.03999)"},
    Entry<AttentionKind>{"split",
                         "split",
                         "models/attention/split_attention",
                         {{AttentionRole::kBlock, 2, 3, {}}, nullptr},
                         "a convolution's result, chosen among several (arXiv 2004.08955)"},
    Entry<AttentionKind>{"stn",
                         "stn",
                         "models/segmentation/transformed_network",
                         {{AttentionRole::kInput, 2, 3, {}}, nullptr},
                         "images: turned, scaled and shifted as they ask for (arXiv 1506.02025)"},
    Entry<AttentionKind>{
        "cam",
        "cam",
        "models/attention/class_activation",
        {{AttentionRole::kOutput, 2, 2, {}}, nullptr},
        "beside the label map: what tells that a class is there (arXiv 1512.04150)"},
};
static_assert(names_are_unique(kAttentions));

const AttentionKind& kind_of(std::string_view name) {
  return find("attention", kAttentions, name).make;
}

std::string_view where_it_stands(AttentionRole role) {
  switch (role) {
    case AttentionRole::kGate:
      return "place = \"skip\" of a U-Net is allowed";
    case AttentionRole::kBlock:
      return "in place of a convolution block is allowed";
    case AttentionRole::kInput:
      return "place = \"input\" is allowed";
    case AttentionRole::kOutput:
      return "place = \"output\" is allowed";
    case AttentionRole::kModule:
      break;
  }
  return "any place is allowed";
}

}  // namespace

std::string_view name_of(AttentionRole role) {
  switch (role) {
    case AttentionRole::kBlock:
      return "block";
    case AttentionRole::kInput:
      return "input";
    case AttentionRole::kOutput:
      return "output";
    case AttentionRole::kModule:
    case AttentionRole::kGate:
      break;
  }
  return "module";
}

const AttentionTraits& attention_traits(std::string_view name) { return kind_of(name).traits; }

void check_dimensions(std::string_view name, std::int64_t dimensions) {
  const AttentionTraits& traits = attention_traits(name);
  if (dimensions < traits.least_dimensions || dimensions > traits.most_dimensions)
    throw std::invalid_argument(
        fmt::format("[attention] '{}' in a network of {} dimensions; networks of {} are allowed",
                    name, dimensions,
                    traits.least_dimensions == traits.most_dimensions
                        ? fmt::format("{}", traits.least_dimensions)
                        : fmt::format("{}, {}", traits.least_dimensions, traits.most_dimensions)));
}

void check_stands_alone(std::string_view name, std::int64_t dimensions) {
  check_dimensions(name, dimensions);
  if (kind_of(name).make == nullptr)
    throw std::invalid_argument(fmt::format("[attention] '{}' behind a layer; {}", name,
                                            where_it_stands(attention_traits(name).role)));
}

std::shared_ptr<Attention> make_attention(std::string_view name, const AttentionOptions& options) {
  check_stands_alone(name, options.dimensions);
  if (options.channels < 1 || options.reduction < 1)
    throw std::invalid_argument(
        fmt::format("[attention.{}] {} channels, reduction {}; at least 1 is allowed", name,
                    options.channels, options.reduction));
  return kind_of(name).make(options);
}

std::vector<Row> attention_rows() { return rows_of(kAttentions); }

std::shared_ptr<Attention> PlacedAttention::make(const PlacedMaps& maps) const {
  AttentionOptions filled = options;
  filled.channels = maps.channels;
  filled.dimensions = maps.dimensions;
  filled.slices = maps.slices;
  filled.patch_slices = maps.patch_slices;
  return make_attention(name, filled);
}

std::shared_ptr<Attention> PlacedAttention::make(std::int64_t channels) const {
  return make(PlacedMaps{channels});
}

}  // namespace medsweep::models
