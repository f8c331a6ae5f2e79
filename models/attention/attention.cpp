#include "models/attention/attention.h"

#include <fmt/format.h>

#include <stdexcept>

namespace medsweep::models {
namespace {

using MakeAttention = std::shared_ptr<Attention> (*)(const AttentionOptions&);

class NoAttention : public Attention {
 public:
  explicit NoAttention(const AttentionOptions&) {}
  torch::Tensor forward(const torch::Tensor& features) override { return features; }
};

template <typename Layer>
std::shared_ptr<Attention> make_attention_layer(const AttentionOptions& options) {
  return std::make_shared<Layer>(options);
}

constexpr std::array kAttentions{
    Entry<MakeAttention>{"none", "noattn", "models/attention/attention",
                         make_attention_layer<NoAttention>, "no attention: the input itself"},
};
static_assert(names_are_unique(kAttentions));

}  // namespace

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
