#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "datasets/data_file_writer.h"

namespace medsweep::datasets {
namespace {

constexpr std::int64_t kVolumeChunk = 64;

bool has_control_characters(const std::string& text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// A name is a path below /samples: no empty, "." or ".." component.
bool is_path_of_groups(const std::string& name) {
  for (const std::filesystem::path& part : std::filesystem::path(name))
    if (part.empty() || part == "." || part == ".." || part == "/") return false;
  return !name.empty();
}

[[noreturn]] void refuse(const RawSample& sample, const std::string& what) {
  throw std::invalid_argument(fmt::format("[sample {}] {}", sample.id.name, what));
}

void check_identity(const RawSample& sample) {
  const SampleId& id = sample.id;
  if (!is_path_of_groups(id.name))
    refuse(sample, "its name is no path of groups; \"case/slice\" is allowed");
  for (const std::string* text : {&id.name, &id.case_name, &id.patient, &id.group, &id.source})
    if (has_control_characters(*text)) refuse(sample, "control characters in a name");
  if (id.case_name.empty() || id.patient.empty()) refuse(sample, "no case or no patient");
  const bool positive =
      std::ranges::all_of(id.spacing, [](double mm) { return std::isfinite(mm) && mm > 0; });
  if (!id.spacing.empty() && (id.spacing.size() != 3 || !positive))
    refuse(sample, "spacing is to be three positive lengths in mm, or unknown");
  const bool finite = std::ranges::all_of(id.affine, [](double x) { return std::isfinite(x); });
  if (!id.affine.empty() && (id.affine.size() != 12 || !finite))
    refuse(sample, "an affine is twelve numbers, or unknown");
  if (id.fold < -1) refuse(sample, "a fold is 0 or more, or -1");
}

std::int64_t largest_value(const torch::Tensor& values) {
  return values.numel() == 0 ? 0 : values.max().item<std::int64_t>();
}

/// A plane of the image's size, its values at most `most`.
void check_plane(const RawSample& sample, const torch::Tensor& plane, const char* name,
                 const char* value, std::int64_t most) {
  if (!plane.defined()) return;
  const auto size = sample.image.sizes().slice(1);
  if (plane.scalar_type() != torch::kUInt8 || plane.sizes() != size)
    refuse(sample,
           fmt::format("its {} are not {} uint8", name, size.size() == 2 ? "[H, W]" : "[D, H, W]"));
  if (const std::int64_t found = largest_value(plane); found > most)
    refuse(sample, fmt::format("{} {}; 0 to {} are allowed", value, found, most));
}

void check_boxes(const RawSample& sample, std::int64_t classes) {
  const Instances& objects = sample.instances;
  const std::int64_t count = objects.boxes.size(0);
  const std::int64_t height = sample.image.size(1), width = sample.image.size(2);
  if (objects.boxes.dim() != 2 || objects.boxes.size(1) != 4 ||
      objects.boxes.scalar_type() != torch::kFloat32)
    refuse(sample, "its boxes are not [n, 4] float32");
  for (const torch::Tensor* column : {&objects.labels, &objects.ignore})
    if (!column->defined() || column->scalar_type() != torch::kUInt8 || column->dim() != 1 ||
        column->size(0) != count)
      refuse(sample, "labels or ignore of its boxes are not [n] uint8");
  if (largest_value(objects.ignore) > 1) refuse(sample, "ignore of a box is 0 or 1");
  const torch::Tensor dense = objects.boxes.contiguous();
  const auto* box = dense.const_data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i, box += 4) {
    const auto label = objects.labels[i].item<std::int64_t>();
    if (label < 1 || label > classes)
      refuse(sample, fmt::format("label {} of a box; 1 to {} are allowed", label, classes));
    if (!(box[0] >= 0 && box[1] >= 0 && box[0] < box[2] && box[1] < box[3] &&
          box[2] <= static_cast<float>(width) && box[3] <= static_cast<float>(height)))
      refuse(sample, fmt::format("box {}, {} to {}, {}; within {} x {} is allowed", box[0], box[1],
                                 box[2], box[3], width, height));
  }
}

void check_instances(const RawSample& sample, const DataFileHeader& header) {
  if (!sample.instances.defined()) return;
  if (sample.image.dim() != 3) refuse(sample, "objects of a volume; images have them");
  check_boxes(sample, std::ssize(header.classes));
  const torch::Tensor& masks = sample.instances.masks;
  if (!masks.defined()) return;
  const std::vector<std::int64_t> shape{sample.instances.boxes.size(0), sample.image.size(1),
                                        sample.image.size(2)};
  if (masks.scalar_type() != torch::kUInt8 || masks.sizes() != shape || largest_value(masks) > 1)
    refuse(sample, "its masks are not [n, H, W] uint8 of 0 and 1");
}

void check_arrays(const RawSample& sample, const DataFileHeader& header) {
  const torch::Tensor& image = sample.image;
  if (!image.defined() || image.dim() != header.dimension + 1 || image.size(0) != header.channels ||
      image.numel() == 0)
    refuse(sample, fmt::format("its image is not [{}, {}H, W] with pixels", header.channels,
                               header.dimension == 3 ? "D, " : ""));
  type_name(image.scalar_type());
  if (image.is_floating_point() && !image.isfinite().all().item<bool>())
    refuse(sample, "its image holds infinite values or no numbers");
  const std::int64_t classes = std::ssize(header.classes);
  check_plane(sample, sample.labels, "labels", "label", classes);
  check_plane(sample, sample.second_observer, "second observer's labels", "label", classes);
  check_plane(sample, sample.field_of_view, "field-of-view pixels", "field of view", 1);
  check_instances(sample, header);
}

/// One chunk for an image and for what is small; cubes for volumes; one chunk a mask.
std::vector<std::int64_t> chunk_of(const std::string& name, std::vector<std::int64_t> shape,
                                   std::int64_t dimension) {
  if (name == "masks") shape[0] = 1;
  if (dimension == 2 || name.starts_with("box")) return shape;
  for (std::size_t axis = shape.size() - 3; axis < shape.size(); ++axis)
    shape[axis] = std::min(shape[axis], kVolumeChunk);
  if (shape.size() == 4) shape[0] = 1;
  return shape;
}

/// The chunk of `values` at `position` in the grid, padded with zeros at the far ends.
torch::Tensor chunk_at(const torch::Tensor& values, const std::vector<std::int64_t>& chunk,
                       const std::vector<std::int64_t>& position) {
  torch::Tensor part = values;
  bool whole = true;
  for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
    const auto dim = static_cast<std::int64_t>(axis);
    const std::int64_t first = position[axis] * chunk[axis];
    const std::int64_t count = std::min(chunk[axis], values.size(dim) - first);
    part = part.narrow(dim, first, count);
    whole = whole && count == chunk[axis];
  }
  if (whole) return part.contiguous();
  torch::Tensor padded = torch::zeros(chunk, values.options());
  torch::Tensor inside = padded;
  for (std::size_t axis = 0; axis < chunk.size(); ++axis)
    inside = inside.narrow(static_cast<std::int64_t>(axis), 0,
                           part.size(static_cast<std::int64_t>(axis)));
  inside.copy_(part);
  return padded;
}

EncodedSample::Array encode_array(const std::string& name, const torch::Tensor& values,
                                  std::int64_t dimension, Compression compression) {
  const bool shuffle = values.element_size() > 1 && compression != Compression::kNone;
  EncodedSample::Array array{.stored = {.name = name,
                                        .type = type_name(values.scalar_type()),
                                        .shape = values.sizes().vec(),
                                        .chunk = chunk_of(name, values.sizes().vec(), dimension),
                                        .shuffle = shuffle ? Shuffle::kYes : Shuffle::kNo,
                                        .compression = compression}};
  const std::vector<std::int64_t> grid = chunk_grid(array.stored);
  std::vector<std::int64_t> position(grid.size(), 0);
  for (bool more = true; more;) {
    const torch::Tensor chunk = chunk_at(values, array.stored.chunk, position);
    array.chunks.push_back(encode_chunk(element_bytes(chunk),
                                        static_cast<std::size_t>(values.element_size()),
                                        array.stored.shuffle, compression));
    more = false;
    for (std::size_t axis = grid.size(); axis-- > 0 && !more;) {
      more = ++position[axis] < grid[axis];
      if (!more) position[axis] = 0;
    }
  }
  return array;
}

}  // namespace

EncodedSample encode(const RawSample& sample, const DataFileHeader& header,
                     Compression compression) {
  check_identity(sample);
  check_arrays(sample, header);
  const torch::Tensor& image = sample.image;
  EncodedSample encoded{.id = sample.id, .digest = digest_of(sample)};
  encoded.size = {image.size(-2), image.size(-1), image.dim() == 4 ? image.size(1) : 1};
  if (sample.labels.defined())
    encoded.foreground = sample.labels.count_nonzero().item<std::int64_t>();
  if (sample.instances.defined()) encoded.instances = sample.instances.boxes.size(0);
  for (const auto& [name, values] : named_arrays(sample))
    if (values.numel() > 0)
      encoded.arrays.push_back(
          encode_array(name, values.contiguous(), header.dimension, compression));
  return encoded;
}

}  // namespace medsweep::datasets
