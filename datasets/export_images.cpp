#include "datasets/export_images.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "datasets/converters/image_files.h"
#include "datasets/in_parallel.h"

namespace medsweep::datasets {
namespace {

constexpr double kSteps16 = 65535, kSteps8 = 255;
constexpr double kInt16Offset = -32768;

double least(const torch::Tensor& values) { return values.min().item<double>(); }
double greatest(const torch::Tensor& values) { return values.max().item<double>(); }

/// value -> pixel, rounded.
torch::Tensor pixels_of(const torch::Tensor& image, double scale, double offset) {
  return image.to(torch::kFloat64).sub(offset).div(scale).round();
}

void set_scale(const torch::Tensor& image, SavedImage& saved) {
  if (image.scalar_type() == torch::kInt16) {
    if (least(image) < 0) saved.offset = kInt16Offset;
    return;
  }
  if (image.scalar_type() == torch::kUInt8) return;
  saved.offset = least(image);
  const double range = greatest(image) - saved.offset;
  if (range > 0) saved.scale = range / kSteps16;
}

}  // namespace

SavedImage save_exact(const std::filesystem::path& folder, const std::string& name,
                      const torch::Tensor& image) {
  const std::int64_t channels = image.size(0);
  const bool bytes = image.scalar_type() == torch::kUInt8;
  SavedImage saved;
  if (bytes && (channels == 1 || channels == 3)) {
    saved.files = {name + ".png"};
    write_png(folder / saved.files[0], channels == 1 ? image[0] : image);
    return saved;
  }
  set_scale(image, saved);
  for (std::int64_t c = 0; c < channels; ++c) {
    saved.files.push_back(channels == 1 ? name + ".png" : fmt::format("{}_{:04}.png", name, c));
    const torch::Tensor pixels =
        bytes ? image[c]
              : pixels_of(image[c], saved.scale, saved.offset).to(torch::kInt32).to(torch::kUInt16);
    write_png(folder / saved.files.back(), pixels);
  }
  return saved;
}

void save_viewable(const std::filesystem::path& folder, const std::string& name,
                   const torch::Tensor& image) {
  torch::Tensor pixels = image;
  if (image.scalar_type() != torch::kUInt8) {
    const double range = greatest(image) - least(image);
    pixels = pixels_of(image, range > 0 ? range / kSteps8 : 1, least(image)).to(torch::kUInt8);
  }
  write_png(folder / (name + ".png"), image.size(0) == 1 ? pixels[0] : pixels);
}

void for_each_image(const DataFile& file, std::string_view format, const ExportProgress& progress,
                    const std::function<void(std::int64_t index, const RawSample& sample,
                                             const std::string& name)>& work) {
  const std::string where = file.path().string();
  if (file.header().dimension != 2)
    throw std::invalid_argument(fmt::format(
        "[{}] its samples are volumes, and {} holds images; the format nifti is allowed", where,
        format));
  const auto count = static_cast<std::int64_t>(file.samples().size());
  std::map<std::string, std::string> names;
  for (const SampleId& id : file.samples())
    if (const auto [found, added] = names.emplace(exported_name(id.name), id.name); !added)
      throw std::invalid_argument(fmt::format("[{}] samples '{}' and '{}' would both be {}.png",
                                              where, found->second, id.name, found->first));
  std::mutex mutex;
  std::int64_t done = 0;
  in_parallel(count, 0, [&](std::int64_t index) {
    const SampleId& id = file.samples()[static_cast<std::size_t>(index)];
    work(index, file.read(index), exported_name(id.name));
    const std::lock_guard lock(mutex);
    if (progress) progress(++done, count, id.name);
  });
}

}  // namespace medsweep::datasets
