#include "datasets/data_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

void put_in_front(std::string& text, const std::string& member) {
  text = text.empty() ? text : fmt::format("{}:{}", member, text);
}

SampleId id_in_pool(SampleId id, const PoolMember& member) {
  put_in_front(id.name, member.name);
  put_in_front(id.case_name, member.name);
  if (!id.patient.starts_with('~'))  // PatientHash: the same person everywhere
    put_in_front(id.patient, member.dataset.empty() ? member.name : member.dataset);
  id.source = id.source.empty() ? member.name : fmt::format("{}:{}", member.name, id.source);
  return id;
}

std::int64_t bytes_of(const torch::Tensor& tensor) {
  return tensor.defined() ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
}

std::int64_t bytes_of(const RawSample& sample) {
  const Instances& objects = sample.instances;
  std::int64_t bytes = 0;
  for (const torch::Tensor* tensor :
       {&sample.image, &sample.labels, &sample.field_of_view, &sample.second_observer,
        &objects.boxes, &objects.labels, &objects.ignore, &objects.masks})
    bytes += bytes_of(*tensor);
  return bytes;
}

void check_members(const std::vector<PoolMember>& members) {
  if (members.empty())
    throw std::invalid_argument("[dataset] no data file; at least one is needed");
  std::set<std::string> names;
  for (const PoolMember& member : members) {
    if (!names.insert(member.name).second)
      throw std::invalid_argument(fmt::format(
          "[dataset] two data files called '{}'; different file names are needed", member.name));
    if (member.channels != members.front().channels)
      throw std::invalid_argument(fmt::format(
          "[dataset] '{}' has {} channels and '{}' {}; equal numbers are needed in one pool",
          members.front().name, members.front().channels, member.name, member.channels));
    if (member.dimension != members.front().dimension)
      throw std::invalid_argument(fmt::format(
          "[dataset] '{}' and '{}': images and volumes; one of them is allowed in one pool",
          members.front().name, member.name));
    if (member.samples.size() != member.sizes.size())
      throw std::invalid_argument(fmt::format("[dataset] '{}' has {} samples and {} sizes",
                                              member.name, member.samples.size(),
                                              member.sizes.size()));
  }
}

}  // namespace

PoolMember pool_member(std::shared_ptr<const DataFile> file, double weight, Annotation annotation) {
  const bool objects = annotation == Annotation::kObjects;
  std::vector<bool> labelled;
  for (std::size_t i = 0; i < file->samples().size(); ++i)
    labelled.push_back(file->foreground()[i] >= 0 || (objects && file->instances()[i] >= 0));
  return {file->path().stem().string(),
          file->classes(),
          file->channels(),
          file->samples(),
          file->sizes(),
          [file, objects](std::int64_t index, const torch::Tensor& image) {
            return file->read(index, {.second_observer = false, .instances = objects}, image);
          },
          weight,
          file->name(),
          labelled,
          file->header().regions,
          file->header().dimension,
          [file](std::int64_t index, const Box& box, const Parts& parts) {
            return file->read_box(index, box.first, box.extent, parts);
          }};
}

DataPool::DataPool(std::vector<PoolMember> members, std::int64_t cache_bytes)
    : members_(std::move(members)), cache_bytes_(cache_bytes) {
  check_members(members_);
  first_.push_back(0);
  for (const PoolMember& member : members_) {
    for (const SampleId& id : member.samples)
      samples_.push_back(members_.size() == 1 ? id : id_in_pool(id, member));
    sizes_.insert(sizes_.end(), member.sizes.begin(), member.sizes.end());
    first_.push_back(std::ssize(samples_));
  }
  cache_.resize(samples_.size());
}

std::size_t DataPool::member_of(std::int64_t index) const {
  if (index < 0 || index >= std::ssize(samples_))
    throw std::out_of_range(
        fmt::format("[dataset] sample {}; 0 to {} are known", index, std::ssize(samples_) - 1));
  const auto next = std::ranges::upper_bound(first_, index);
  return static_cast<std::size_t>(next - first_.begin() - 1);
}

RawSample DataPool::read(std::int64_t index, const torch::Tensor& image) const {
  const std::size_t member = member_of(index);
  const auto position = static_cast<std::size_t>(index);
  {
    const std::scoped_lock lock(mutex_);
    if (cache_[position]) return *cache_[position];
  }
  RawSample sample =
      members_[member].read(index - first_[member], cache_bytes_ > 0 ? torch::Tensor() : image);
  sample.id = samples_[position];
  const std::int64_t bytes = bytes_of(sample);
  const std::scoped_lock lock(mutex_);
  if (!cache_[position] && cached_bytes_ + bytes <= cache_bytes_) {
    cache_[position] = std::make_shared<const RawSample>(sample);
    cached_bytes_ += bytes;
  } else if (!cache_[position]) {
    full_ = true;
  }
  return sample;
}

RawSample DataPool::read_box(std::int64_t index, const Box& box, const Parts& parts) const {
  const std::size_t member = member_of(index);
  const bool whole = [&] {
    const std::scoped_lock lock(mutex_);
    return cache_[static_cast<std::size_t>(index)] || (cache_bytes_ > 0 && !full_) ||
           !members_[member].read_box;
  }();
  RawSample sample =
      whole ? read(index) : members_[member].read_box(index - first_[member], box, parts);
  sample.id = samples_[static_cast<std::size_t>(index)];
  if (!whole) return sample;
  for (torch::Tensor* tensor : {&sample.image, &sample.labels, &sample.field_of_view})
    if (tensor->defined()) *tensor = cut(*tensor, box, 0);
  return sample;
}

bool DataPool::labelled(std::int64_t index) const {
  const std::size_t member = member_of(index);
  const std::vector<bool>& labelled = members_[member].labelled;
  return labelled.empty() || labelled[static_cast<std::size_t>(index - first_[member])];
}

std::int64_t DataPool::cached_bytes() const {
  const std::scoped_lock lock(mutex_);
  return cached_bytes_;
}

DataPool::Drawing DataPool::drawing(const std::vector<std::int64_t>& indices) const {
  Drawing result{indices, {}};
  std::ranges::stable_sort(result.indices, {}, [&](std::int64_t i) { return member_of(i); });
  std::vector<std::int64_t> counts(members_.size());
  for (const std::int64_t i : indices) ++counts[member_of(i)];
  for (std::size_t k = 0; k < members_.size(); ++k)
    if (counts[k] > 0) result.shares.push_back({counts[k], members_[k].weight});
  return result;
}

}  // namespace medsweep::datasets
