#include "datasets/converters/npz.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

#include "datasets/converters/label_map.h"
#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/numpy_array.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostChannels = 16;  // an axis of more is no axis of channels

/// A case: one .npz, or an image's and its labels' .npy.
struct ArrayFiles {
  fs::path image, labels;  // labels empty: both are in one .npz
  std::string name;
};

/// A case's arrays: images [N, C, H, W], labels [N, H, W] of codes.
struct ArrayCase {
  torch::Tensor images, labels;
  bool is_stack = false;
};

torch::Tensor array_called(const std::map<std::string, torch::Tensor>& arrays,
                           const std::vector<std::string>& names, const fs::path& path) {
  for (const std::string& name : names)
    if (const auto found = arrays.find(name); found != arrays.end()) return found->second;
  std::vector<std::string> present;
  for (const auto& [name, array] : arrays) present.push_back(name);
  throw std::invalid_argument(fmt::format(
      "[{}] no array {} in it, but {}; one is needed", path.string(), fmt::join(names, ", "),
      present.empty() ? "none" : fmt::format("{}", fmt::join(present, ", "))));
}

/// [N, C, H, W] of an array that may have its channels last or none; N, H, W are the labels'.
torch::Tensor with_channels(const torch::Tensor& images, const torch::Tensor& labels) {
  if (images.sizes() == labels.sizes()) return images.unsqueeze(1);
  if (images.dim() != 4 || images.size(0) != labels.size(0)) return {};
  const auto fits = [&](const torch::Tensor& order) {
    return order.size(1) <= kMostChannels && order.size(2) == labels.size(1) &&
           order.size(3) == labels.size(2);
  };
  if (fits(images)) return images;
  const torch::Tensor channels_first = images.permute({0, 3, 1, 2});
  return fits(channels_first) ? channels_first : torch::Tensor();
}

ArrayCase arranged(const torch::Tensor& image, const torch::Tensor& labels,
                   const std::string& where) {
  ArrayCase arrays{.images = {}, .labels = labels, .is_stack = labels.dim() == 3};
  if (labels.dim() == 2) arrays.labels = labels.unsqueeze(0);
  if (arrays.labels.dim() == 3)
    arrays.images = with_channels(arrays.is_stack ? image : image.unsqueeze(0), arrays.labels);
  if (!arrays.images.defined())
    throw std::invalid_argument(fmt::format(
        "[{}] an image of {} and labels of {}; [H, W] or [C, H, W] with [H, W], or both "
        "with a number of slices before them, are allowed",
        where, fmt::join(image.sizes(), " x "), fmt::join(labels.sizes(), " x ")));
  return arrays;
}

ArrayCase read_case_arrays(const ArrayFiles& files) {
  static const std::vector<std::string> kImages{"image", "images", "img", "x", "data"},
      kLabels{"label", "labels", "mask", "masks", "seg", "y"};
  if (!files.labels.empty())
    return arranged(read_npy(files.image), read_npy(files.labels), files.labels.string());
  const auto arrays = read_npz(files.image);
  return arranged(array_called(arrays, kImages, files.image),
                  array_called(arrays, kLabels, files.image), files.image.string());
}

/// In the narrowest type that a data file has for it.
torch::Tensor stored_values(const torch::Tensor& values) {
  if (values.scalar_type() != torch::kInt64) return values.contiguous();
  using Limits = std::numeric_limits<std::int16_t>;
  const bool fits = values.min().item<std::int64_t>() >= Limits::min() &&
                    values.max().item<std::int64_t>() <= Limits::max();
  return values.to(fits ? torch::kInt16 : torch::kFloat32).contiguous();
}

/// Whole numbers that no label map holds stay unknown to it.
torch::Tensor whole_codes(const torch::Tensor& codes, const std::string& where) {
  if (codes.is_floating_point() && codes.ne(codes.round()).any().item<bool>())
    throw std::invalid_argument(
        fmt::format("[{}] labels that are no whole numbers; codes are needed", where));
  const torch::Tensor wide = codes.is_floating_point() ? codes : codes.to(torch::kInt64);
  return wide.clamp(-1, std::numeric_limits<std::int32_t>::max() / 2).to(torch::kInt32);
}

std::vector<ArrayFiles> find_arrays(ConversionPlan& plan, const ConverterOptions& options) {
  const std::vector<fs::path> files = files_below(options.source);
  std::vector<ArrayFiles> cases;
  for (const auto& [name, path] :
       files_matching(files, options.images.ends_with(".npz") ? options.images : "*.npz"))
    cases.push_back({.image = path, .labels = {}, .name = plain_name(name)});
  const bool npz_only = options.images.ends_with(".npz");
  const auto pattern = [](const std::string& given, const char* otherwise) {
    return given.empty() ? std::string(otherwise) : given;
  };
  std::map<std::string, fs::path> images, labels;
  if (!npz_only) images = files_matching(files, pattern(options.images, "images/*.npy"));
  labels = files_matching(files, pattern(options.labels, "masks/*.npy"));
  if (options.labels.empty()) labels.merge(files_matching(files, "labels/*.npy"));
  for (const auto& [name, image] : images) {
    if (labels.contains(name))
      cases.push_back({.image = image, .labels = labels.at(name), .name = plain_name(name)});
    else
      refuse_part(plan, options,
                  fmt::format("[{}] has no labels called '{}'", image.string(), name));
  }
  if (cases.empty() && plan.skipped.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no arrays in it; .npz, or .npy in folders 'images' and 'masks', are needed",
        options.source.string()));
  return cases;
}

std::int64_t array_channels(const std::vector<ArrayFiles>& cases, const ConverterOptions& options) {
  for (const ArrayFiles& files : cases) {
    try {
      return read_case_arrays(files).images.size(1);
    } catch (const std::exception&) {
      if (options.on_bad == ConverterOptions::OnBad::kStop) throw;  // else its item tells
    }
  }
  return 1;
}

std::vector<RawSample> read_array_case(const ArrayFiles& files, const SampleId& id,
                                       const LabelMap& map, std::int64_t channels) {
  const ArrayCase arrays = read_case_arrays(files);
  const std::string where = (files.labels.empty() ? files.image : files.labels).string();
  if (arrays.images.size(1) != channels)
    throw std::invalid_argument(fmt::format("[{}] {} channels, but the first file has {}",
                                            files.image.string(), arrays.images.size(1), channels));
  const torch::Tensor images = stored_values(arrays.images);
  if (!images.isfinite().all().item<bool>())
    throw std::invalid_argument(
        fmt::format("[{}] values that are not finite; numbers are needed", files.image.string()));
  const torch::Tensor labels = map.labels_of(whole_codes(arrays.labels, where), where);
  std::vector<RawSample> samples;
  for (std::int64_t slice = 0; slice < images.size(0); ++slice) {
    RawSample sample;
    sample.image = images[slice];
    sample.labels = labels[slice];
    sample.id = id;
    sample.id.slice = slice;
    if (arrays.is_stack) sample.id.name = fmt::format("{}/{}", id.case_name, slice);
    samples.push_back(std::move(sample));
  }
  return samples;
}

LabelMap array_label_map(const ConverterOptions& options) {
  const LabelMap map =
      options.label_map.empty() ? LabelMap({{1, "foreground"}}) : read_label_map(options.label_map);
  return options.classes.empty() ? map : map.only(options.classes);
}

}  // namespace

ConversionPlan plan_npz(const ConverterOptions& options) {
  const LabelMap map = array_label_map(options);
  ConversionPlan plan;
  const std::vector<ArrayFiles> cases = find_arrays(plan, options);
  plan.header.name = "npz";
  plan.header.classes = map.classes();
  plan.header.label_codes = map.codes();
  plan.header.channels = array_channels(cases, options);
  for (const ArrayFiles& files : cases) {
    SampleId id;
    id.name = id.case_name = files.name;
    id.patient = patient_of(files.name, options.patient);
    if (!options.patient_key.empty()) id.patient = PatientHash(options)(id.patient);
    ConversionItem item{.name = files.name, .files = {files.image}};
    if (!files.labels.empty()) item.files.push_back(files.labels);
    item.read = [files, id, map, channels = plan.header.channels] {
      return read_array_case(files, id, map, channels);
    };
    plan.items.push_back(std::move(item));
  }
  return plan;
}

}  // namespace medsweep::datasets
