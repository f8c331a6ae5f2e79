#include "datasets/raw_sample.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include "base/digest.h"
#include "datasets/stored_array.h"

namespace medsweep::datasets {
namespace {

void add_array(Sha256& digest, const char* name, const torch::Tensor& values) {
  const torch::Tensor plain = values.contiguous();
  digest.update(fmt::format("{} {} {}\n", name, type_name(plain.scalar_type()),
                            fmt::join(plain.sizes(), " ")));
  digest.update(plain.const_data_ptr(), plain.nbytes());
}

}  // namespace

std::vector<std::pair<const char*, torch::Tensor>> named_arrays(const RawSample& sample) {
  std::vector<std::pair<const char*, torch::Tensor>> arrays;
  const Instances& objects = sample.instances;
  for (const auto& [name, values] : {std::pair<const char*, torch::Tensor>{"image", sample.image},
                                     {"labels", sample.labels},
                                     {"field_of_view", sample.field_of_view},
                                     {"second_observer", sample.second_observer},
                                     {"boxes", objects.boxes},
                                     {"box_labels", objects.labels},
                                     {"box_ignore", objects.ignore},
                                     {"masks", objects.masks}})
    if (values.defined()) arrays.emplace_back(name, values);
  return arrays;
}

torch::Tensor region_channels(const torch::Tensor& labels, const std::vector<Region>& regions) {
  std::vector<torch::Tensor> channels;
  for (const Region& region : regions) {
    torch::Tensor inside = torch::zeros_like(labels);
    for (const std::int64_t label : region.labels) inside.bitwise_or_(labels.eq(label));
    channels.push_back(inside);
  }
  return torch::stack(channels);
}

std::string digest_of(const RawSample& sample) {
  const SampleId& id = sample.id;
  Sha256 digest;
  digest.update(fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", id.name, id.case_name, id.patient,
                            id.group, id.source, id.slice, fmt::join(id.spacing, " ")));
  if (!id.affine.empty()) digest.update(fmt::format("affine {}\n", fmt::join(id.affine, " ")));
  if (id.fold >= 0) digest.update(fmt::format("fold {}\n", id.fold));
  for (const auto& [name, values] : named_arrays(sample)) add_array(digest, name, values);
  return digest.hex();
}

}  // namespace medsweep::datasets
