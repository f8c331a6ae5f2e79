#include "models/operators/roi_align.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "models/operators/roi_align_kernels.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kChannelBlock = 64;
constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

// The operator's arguments after features and rois, as the dispatcher passes them.
RoiAlignOptions roi_options(double scale, std::int64_t height, std::int64_t width,
                            std::int64_t sampling_ratio, bool aligned) {
  return {height, width, scale, sampling_ratio, aligned ? RoiCorner::kCentre : RoiCorner::kEdge};
}

void check_roi_options(const RoiAlignOptions& options) {
  if (options.height < 1 || options.width < 1 || options.sampling_ratio < 0 ||
      !std::isfinite(options.scale) || options.scale <= 0)
    throw std::invalid_argument(
        fmt::format("[roi_align] {}x{} bins, scale {}, sampling ratio {}; at least 1x1, a scale "
                    "above 0 and a ratio of at least 0 are allowed",
                    options.height, options.width, options.scale, options.sampling_ratio));
}

void check_roi_inputs(const torch::Tensor& maps, const torch::Tensor& rois, std::int64_t images) {
  const auto type = maps.scalar_type();
  if (maps.dim() != 4 || (type != torch::kFloat && type != torch::kBFloat16))
    throw std::invalid_argument(
        fmt::format("[roi_align] features of {} dimensions, type {}; [N, C, H, W] of float32 or "
                    "bfloat16 are allowed",
                    maps.dim(), c10::toString(type)));
  if (rois.dim() != 2 || rois.size(1) != 5 || rois.scalar_type() != torch::kFloat)
    throw std::invalid_argument(
        fmt::format("[roi_align] boxes of type {} and {} dimensions; [R, 5] of float32 are allowed",
                    c10::toString(rois.scalar_type()), rois.dim()));
  const float* const boxes = rois.const_data_ptr<float>();
  for (std::int64_t i = 0; i < rois.size(0); ++i)
    if (!(boxes[5 * i] >= 0 && boxes[5 * i] < static_cast<float>(images)))
      throw std::invalid_argument(
          fmt::format("[roi_align] box {} is of image {}; there are {}, counted from 0", i,
                      boxes[5 * i], images));
}

template <typename T>
void pool_boxes(const torch::Tensor& features, const torch::Tensor& rois,
                const RoiAlignOptions& options, torch::Tensor& out) {
  const T* const maps = static_cast<const T*>(features.const_data_ptr());
  const float* const boxes = rois.const_data_ptr<float>();
  T* const bins = static_cast<T*>(out.mutable_data_ptr());
  const std::int64_t channels = features.size(1), height = features.size(2);
  const RoiMap map{features.size(3), channels, 0, channels};
  at::parallel_for(0, rois.size(0), 4, [&](std::int64_t first, std::int64_t last) {
    RoiTaps taps;
    for (std::int64_t i = first; i < last; ++i) {
      find_taps(boxes + 5 * i, options, height, map.width, taps);
      const auto image = static_cast<std::int64_t>(boxes[5 * i]);
      pool_box(maps + image * height * map.width * channels, map, taps,
               bins + i * options.height * options.width * channels);
    }
  });
}

torch::Tensor roi_align_cpu(const torch::Tensor& features, const torch::Tensor& boxes, double scale,
                            std::int64_t height, std::int64_t width, std::int64_t sampling_ratio,
                            bool aligned) {
  const RoiAlignOptions options = roi_options(scale, height, width, sampling_ratio, aligned);
  const torch::Tensor rois = boxes.contiguous();
  check_roi_options(options);
  check_roi_inputs(features, rois, features.dim() == 4 ? features.size(0) : 0);
  const torch::Tensor maps = features.contiguous(kChannelsLast);
  torch::Tensor out = torch::empty({rois.size(0), maps.size(1), height, width},
                                   maps.options().memory_format(kChannelsLast));
  if (maps.scalar_type() == torch::kFloat)
    pool_boxes<float>(maps, rois, options, out);
  else
    pool_boxes<std::uint16_t>(maps, rois, options, out);
  return out.contiguous(features.suggest_memory_format());
}

/// The boxes of each image, in their order.
std::vector<std::vector<std::int64_t>> boxes_of_images(const torch::Tensor& rois,
                                                       std::int64_t images) {
  std::vector<std::vector<std::int64_t>> lists(static_cast<std::size_t>(images));
  const float* const boxes = rois.const_data_ptr<float>();
  for (std::int64_t i = 0; i < rois.size(0); ++i)
    lists[static_cast<std::size_t>(boxes[5 * i])].push_back(i);
  return lists;
}

// A task is a block of channels of one image, which no other task writes; its boxes come in their
// order whatever the number of threads.
template <typename T>
void spread_boxes(const torch::Tensor& gradient, const torch::Tensor& rois,
                  const RoiAlignOptions& options, torch::Tensor& out) {
  const T* const bins = static_cast<const T*>(gradient.const_data_ptr());
  const float* const boxes = rois.const_data_ptr<float>();
  float* const maps = out.mutable_data_ptr<float>();
  const std::int64_t channels = out.size(1), height = out.size(2), width = out.size(3);
  const std::int64_t blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  const auto lists = boxes_of_images(rois, out.size(0));
  at::parallel_for(0, out.size(0) * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    RoiTaps taps;
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t image = task / blocks, first = task % blocks * kChannelBlock;
      const RoiMap map{width, channels, first, std::min(first + kChannelBlock, channels)};
      for (const std::int64_t i : lists[static_cast<std::size_t>(image)]) {
        find_taps(boxes + 5 * i, options, height, width, taps);
        spread_box(bins + i * options.height * options.width * channels, map, taps,
                   maps + image * height * width * channels);
      }
    }
  });
}

torch::Tensor roi_align_backward_cpu(const torch::Tensor& gradient, const torch::Tensor& boxes,
                                     at::IntArrayRef sizes, double scale,
                                     std::int64_t sampling_ratio, bool aligned) {
  const torch::Tensor rois = boxes.contiguous();
  if (sizes.size() != 4)
    throw std::invalid_argument("[roi_align_backward] sizes; N, C, H and W are allowed");
  check_roi_inputs(gradient, rois, sizes[0]);
  const RoiAlignOptions options =
      roi_options(scale, gradient.size(2), gradient.size(3), sampling_ratio, aligned);
  const torch::Tensor bins = gradient.contiguous(kChannelsLast);
  torch::Tensor out =
      torch::empty(sizes, gradient.options().dtype(torch::kFloat).memory_format(kChannelsLast));
  out.zero_();
  if (gradient.scalar_type() == torch::kFloat)
    spread_boxes<float>(bins, rois, options, out);
  else
    spread_boxes<std::uint16_t>(bins, rois, options, out);
  return out.to(gradient.scalar_type());
}

using RoiAlignCall = torch::Tensor(const torch::Tensor&, const torch::Tensor&, double, std::int64_t,
                                   std::int64_t, std::int64_t, bool);
using RoiAlignBackwardCall = torch::Tensor(const torch::Tensor&, const torch::Tensor&,
                                           at::IntArrayRef, double, std::int64_t, bool);

template <typename Call>
c10::TypedOperatorHandle<Call> roi_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Call>();
}

const auto& roi_align_operator() {
  static const auto found = roi_operator<RoiAlignCall>("medsweep::roi_align");
  return found;
}

class RoiAlignFunction : public torch::autograd::Function<RoiAlignFunction> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& features, const torch::Tensor& rois,
                               double scale, std::int64_t height, std::int64_t width,
                               std::int64_t sampling_ratio, bool aligned) {
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({rois});
    context->saved_data["sizes"] = features.sizes().vec();
    context->saved_data["scale"] = scale;
    context->saved_data["sampling_ratio"] = sampling_ratio;
    context->saved_data["aligned"] = aligned;
    return roi_align_operator().call(features, rois, scale, height, width, sampling_ratio, aligned);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    static const auto operation =
        roi_operator<RoiAlignBackwardCall>("medsweep::roi_align_backward");
    auto& saved = context->saved_data;
    const std::vector<std::int64_t> sizes = saved["sizes"].toIntVector();
    const torch::Tensor gradient = operation.call(
        gradients.at(0), context->get_saved_variables().at(0), sizes, saved["scale"].toDouble(),
        saved["sampling_ratio"].toInt(), saved["aligned"].toBool());
    return {gradient, {}, {}, {}, {}, {}, {}};
  }
};

torch::Tensor roi_align_autograd(const torch::Tensor& features, const torch::Tensor& rois,
                                 double scale, std::int64_t height, std::int64_t width,
                                 std::int64_t sampling_ratio, bool aligned) {
  return RoiAlignFunction::apply(features, rois, scale, height, width, sampling_ratio, aligned);
}

template <c10::DispatchKey kAutocast>
torch::Tensor roi_align_autocast(const torch::Tensor& features, const torch::Tensor& rois,
                                 double scale, std::int64_t height, std::int64_t width,
                                 std::int64_t sampling_ratio, bool aligned) {
  const c10::impl::ExcludeDispatchKeyGuard below(kAutocast);
  return roi_align_operator().call(features, rois.to(torch::kFloat), scale, height, width,
                                   sampling_ratio, aligned);
}

}  // namespace

torch::Tensor roi_align(const torch::Tensor& features, const torch::Tensor& rois,
                        const RoiAlignOptions& options) {
  return roi_align_operator().call(features, rois, options.scale, options.height, options.width,
                                   options.sampling_ratio, options.corner == RoiCorner::kCentre);
}

TORCH_LIBRARY_FRAGMENT(medsweep, library) {
  library.def(
      "roi_align(Tensor features, Tensor rois, float scale, int height, int width, "
      "int sampling_ratio, bool aligned) -> Tensor");
  library.def(
      "roi_align_backward(Tensor gradient, Tensor rois, int[] sizes, float scale, "
      "int sampling_ratio, bool aligned) -> Tensor");
}

TORCH_LIBRARY_IMPL(medsweep, CPU, library) {
  library.impl("roi_align", roi_align_cpu);
  library.impl("roi_align_backward", roi_align_backward_cpu);
}

TORCH_LIBRARY_IMPL(medsweep, Autograd, library) {
  library.impl("roi_align", roi_align_autograd);
  library.impl("roi_align_backward", torch::autograd::autogradNotImplementedFallback());
}

TORCH_LIBRARY_IMPL(medsweep, AutocastCPU, library) {
  library.impl("roi_align", roi_align_autocast<c10::DispatchKey::AutocastCPU>);
}

TORCH_LIBRARY_IMPL(medsweep, AutocastCUDA, library) {
  library.impl("roi_align", roi_align_autocast<c10::DispatchKey::Autocast>);
}

}  // namespace medsweep::models
