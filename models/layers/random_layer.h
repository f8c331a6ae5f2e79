#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <vector>

namespace medsweep::models {

/// A layer that draws random numbers while it is trained. It draws for each sample from a stream of
/// that sample's key and the layer's own number, so that what it does follows from (seed, epoch,
/// sample) alone, whatever the batch, the rank or the thread.
class RandomLayer {
 public:
  virtual ~RandomLayer() = default;

 protected:
  /// Throws std::logic_error unless there is a key for each of `samples`.
  const std::vector<std::uint64_t>& keys_of(std::int64_t samples) const;
  std::uint64_t layer() const { return layer_; }

 private:
  friend void set_random_keys(torch::nn::Module&, const std::vector<std::uint64_t>&);
  std::vector<std::uint64_t> keys_;
  std::uint64_t layer_ = 0;
};

/// Gives every RandomLayer inside `module` the samples' keys (Batch::random_keys) for the forward
/// passes to come, and its number, by the order of modules.
void set_random_keys(torch::nn::Module& module, const std::vector<std::uint64_t>& keys);

}  // namespace medsweep::models
