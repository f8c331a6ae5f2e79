#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "datasets/data_file.h"
#include "datasets/sampler.h"
#include "datasets/volume_patch.h"

namespace medsweep::datasets {

/// One source of samples. `read` may be called from several threads; it is a DataFile's in a run
/// and anything in a test.
struct PoolMember {
  std::string name;  ///< "cxr_pneumonia": of error texts, and of samples in a pool of several
  std::vector<std::string> classes;
  std::int64_t channels = 0;
  std::vector<SampleId> samples;
  std::vector<Extent> sizes;
  /// image: [C, H, W] float32 into which the sample's image may be read, where it is stored so;
  /// undefined: the sample's image is its own.
  std::function<RawSample(std::int64_t index, const torch::Tensor& image)> read;
  double weight = 1;              ///< its share of an epoch's draws; only ratios count
  std::string dataset{};          ///< "rsna": what patients are called by; empty: `name`
  std::vector<bool> labelled{};   ///< whether a sample has what is asked for; empty: unknown
  std::vector<Region> regions{};  ///< of its classes, which may overlap
  std::int64_t dimension = 2;     ///< 3: samples are volumes
  /// Of volumes, as DataFile::read_box; empty: they are read whole.
  std::function<RawSample(std::int64_t index, const Box& box, const Parts& parts)> read_box{};
};

/// What is asked of a file's samples: label maps, or objects (which label maps can stand for).
enum class Annotation { kLabels, kObjects };

/// A data file as a member, called by its file name without folder and ending.
PoolMember pool_member(std::shared_ptr<const DataFile> file, double weight = 1,
                       Annotation annotation = Annotation::kLabels);

/// The samples of one or more data files behind each other, read once where they fit in memory.
///
/// In a pool of several, names and cases get their member's name in front
/// ("montgomery_512:MCUCXR_0001_0"), and sources likewise ("montgomery_512:training", or
/// "montgomery_512" where a file gives none). Patients get their data set's name in front
/// ("montgomery:MCUCXR_0001_0"): a namesake of another data set is somebody else, but two files
/// made of one data set show the same person, whom no split divides. A patient's keyed hash
/// ("~1c9f...") stays as it is: with one key, it is the same person in any data set. In a pool of
/// one all stay. SampleId::index stays the position in its file.
///
/// Threads: all may be called at once.
class DataPool {
 public:
  /// cache_bytes: decoded samples are kept while they fit in it; 0 keeps none.
  /// Throws std::invalid_argument for no members, two of one name, differing channels or
  /// dimensions.
  explicit DataPool(std::vector<PoolMember> members, std::int64_t cache_bytes = 0);

  const std::vector<PoolMember>& members() const { return members_; }
  const std::vector<SampleId>& samples() const { return samples_; }
  const std::vector<Extent>& sizes() const { return sizes_; }
  std::int64_t channels() const { return members_.front().channels; }
  std::int64_t dimension() const { return members_.front().dimension; }
  /// Whether sample `index` has labels (or objects), as far as is known without reading it.
  bool labelled(std::int64_t index) const;
  /// Which member sample `index` of the pool is from.
  std::size_t member_of(std::int64_t index) const;

  /// Sample `index` of the pool, as stored, its id as in samples(). The tensors may be shared:
  /// they must not be written to. Throws as DataFile::read.
  /// image: as PoolMember::read; not written to where samples are kept.
  RawSample read(std::int64_t index, const torch::Tensor& image = {}) const;
  /// A box of volume `index` within its borders. A volume that may be kept is read whole and cut;
  /// once there is no more room, only what the box touches is read.
  RawSample read_box(std::int64_t index, const Box& box, const Parts& parts) const;
  std::int64_t cached_bytes() const;

  /// `indices` grouped by member in the members' order, and the members' shares of an epoch: what
  /// Sampler takes. Members without an index are left out.
  struct Drawing {
    std::vector<std::int64_t> indices;
    std::vector<Share> shares;
  };
  Drawing drawing(const std::vector<std::int64_t>& indices) const;

 private:
  std::vector<PoolMember> members_;
  std::vector<SampleId> samples_;
  std::vector<Extent> sizes_;
  std::vector<std::int64_t> first_;  // of each member, and one past the last
  std::int64_t cache_bytes_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const RawSample>> cache_;
  mutable std::int64_t cached_bytes_ = 0;
  mutable bool full_ = false;  // a sample found no room
};

}  // namespace medsweep::datasets
