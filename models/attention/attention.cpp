#include "models/attention/attention.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/attention/channel_attention.h"
#include "models/attention/self_attention.h"
#include "models/attention/spatial_attention.h"

namespace medsweep::models {
namespace {

using MakeAttention = std::shared_ptr<Attention> (*)(const AttentionOptions&);

class NoAttention : public Attention {
 public:
  explicit NoAttention(const AttentionOptions& options) : channels_(options.channels) {}
  torch::Tensor forward(const torch::Tensor& features) override {
    check_features("attention.none", features, channels_);
    return features;
  }

 private:
  std::int64_t channels_;
};

template <typename Layer>
std::shared_ptr<Attention> make_attention_layer(const AttentionOptions& options) {
  return std::make_shared<Layer>(options);
}

constexpr std::array kAttentions{
    Entry<MakeAttention>{"none", "noattn", "models/attention/attention",
                         make_attention_layer<NoAttention>, "no attention: the input itself"},
    Entry<MakeAttention>{"self_attention", "self", "models/attention/self_attention",
                         make_attention_layer<SelfAttention>,
                         "positions: each sees all others, wherever they lie (arXiv 1805.08318)"},
    Entry<MakeAttention>{"relative_self_attention", "relative", "models/attention/self_attention",
                         make_attention_layer<RelativeSelfAttention>,
                         "positions: each sees all others and how far they lie (arXiv 1803.02155)"},
    Entry<MakeAttention>{"se", "se", "models/attention/channel_attention",
                         make_attention_layer<SqueezeExcitation>,
                         "channels: squeeze and excitation (arXiv 1709.01507)"},
    Entry<MakeAttention>{"scse", "scse", "models/attention/spatial_attention",
                         make_attention_layer<ConcurrentSqueezeExcitation>,
                         "channels beside positions (arXiv 1803.02579)"},
    Entry<MakeAttention>{"spatial", "spatial", "models/attention/spatial_attention",
                         make_attention_layer<SpatialAttention>,
                         "positions: by mean and maximum over the channels (arXiv 2004.03696)"},
    Entry<MakeAttention>{"cbam", "cbam", "models/attention/spatial_attention",
                         make_attention_layer<Cbam>, "channels, then positions (arXiv 1807.06521)"},
    Entry<MakeAttention>{"eca", "eca", "models/attention/channel_attention",
                         make_attention_layer<EfficientChannelAttention>,
                         "channels: one convolution along them (arXiv 1910.03151)"},
};
static_assert(names_are_unique(kAttentions));

}  // namespace

void check_features(std::string_view where, const torch::Tensor& features, std::int64_t channels) {
  if (features.dim() != 4 || features.size(1) != channels || features.size(2) < 1 ||
      features.size(3) < 1)
    throw std::invalid_argument(
        fmt::format("[{}] features of {}; N x {} x H x W with H and W of at least 1 are allowed",
                    where, fmt::join(features.sizes(), "x"), channels));
}

std::shared_ptr<Attention> make_attention(std::string_view name, const AttentionOptions& options) {
  const auto& entry = find("attention", kAttentions, name);
  if (options.channels < 1 || options.reduction < 1)
    throw std::invalid_argument(
        fmt::format("[attention.{}] {} channels, reduction {}; at least 1 is allowed", name,
                    options.channels, options.reduction));
  return entry.make(options);
}

std::vector<Row> attention_rows() { return rows_of(kAttentions); }

std::shared_ptr<Attention> PlacedAttention::make(std::int64_t channels) const {
  AttentionOptions filled = options;
  filled.channels = channels;
  return make_attention(name, filled);
}

}  // namespace medsweep::models
