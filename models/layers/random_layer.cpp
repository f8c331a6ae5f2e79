#include "models/layers/random_layer.h"

#include <fmt/format.h>

#include <stdexcept>

namespace medsweep::models {

const std::vector<std::uint64_t>& RandomLayer::keys_of(std::int64_t samples) const {
  if (std::ssize(keys_) != samples)
    throw std::logic_error(fmt::format("[random_layer] {} samples, {} keys; one each is allowed",
                                       samples, keys_.size()));
  return keys_;
}

void set_random_keys(torch::nn::Module& module, const std::vector<std::uint64_t>& keys) {
  std::uint64_t number = 0;
  for (const auto& child : module.modules()) {
    auto* const layer = dynamic_cast<RandomLayer*>(child.get());
    if (layer == nullptr) continue;
    layer->keys_ = keys;
    layer->layer_ = number++;
  }
}

}  // namespace medsweep::models
