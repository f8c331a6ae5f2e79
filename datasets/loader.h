#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "datasets/batch.h"
#include "datasets/sampler.h"

namespace medsweep::datasets {

struct LoaderOptions {
  std::int64_t threads = 1;   ///< in the background; 0: `next` does the work itself
  std::int64_t prefetch = 2;  ///< batches ahead of the consumer, at least 1
  std::int64_t epochs = 1;    ///< the stream ends after so many, counted from epoch 0
  std::int64_t multiple = 1;  ///< batches are padded to a multiple of it
  std::int64_t channels = 1;  ///< of every image
  /// The shards of the global batch that this rank has: [first_shard, last_shard) of `shards`.
  std::int64_t shards = 1, first_shard = 0, last_shard = 1;
};

/// This rank's part of one global batch.
struct LoadedBatch {
  std::int64_t epoch = 0, step = 0;
  Batch batch;
  /// Where each of this rank's shards lies in `batch`: [first, last) samples.
  std::vector<std::pair<std::int64_t, std::int64_t>> shards;
  std::int64_t global_size = 0;  ///< samples of the global batch, over all ranks
};

/// Batches in the sampler's order, prepared ahead by background threads sample by sample. What
/// comes out is the same for every number of threads. Images are padded to the largest of the
/// *global* batch where `extent` is given, so that neither ranks nor shards change the padding.
///
/// The stream runs over epochs without a break; `seek` begins anywhere, for a resume. One consumer
/// thread. The destructor waits for the samples in work, nothing else. Threads run torch and OpenMP
/// single-threaded for themselves alone; OpenCV is set to one thread for the whole process.
class Loader {
 public:
  /// Thread-safe; both are called until the loader is destroyed. image: [C, (D,) H, W] float32, the
  /// sample's place in its batch, in which it may be given; undefined where its size is not known
  /// before or is not the batch's.
  using Fetch =
      std::function<Sample(std::int64_t epoch, const Draw& draw, const torch::Tensor& image)>;
  using ExtentOf = std::function<Extent(const Draw& draw)>;

  /// Throws std::invalid_argument for options out of range, or as Sampler::check_shards.
  Loader(Sampler sampler, Fetch fetch, const LoaderOptions& options, ExtentOf extent = nullptr);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch will be this one. What was prepared for elsewhere is forgotten.
  void seek(std::int64_t epoch, std::int64_t step);
  /// Empty after the last epoch. What `fetch` threw is thrown here, at the batch it belongs to;
  /// the stream can then go on with the next batch.
  std::optional<LoadedBatch> next();
  /// Seconds that `next` has waited so far: what the data cost the trainer.
  double waited_seconds() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace medsweep::datasets
