#include "models/operators/roi_align.h"

#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <optional>
#include <vector>

#include "models/operators/roi_align_cpu.h"

namespace medsweep::models {
namespace {

using RoiAlignCall = torch::Tensor(const torch::Tensor&, const torch::Tensor&, double, std::int64_t,
                                   std::int64_t, std::int64_t, bool,
                                   std::optional<at::MemoryFormat>);
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
                               std::int64_t sampling_ratio, bool aligned,
                               std::optional<at::MemoryFormat> format) {
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({rois});
    context->saved_data["sizes"] = features.sizes().vec();
    context->saved_data["scale"] = scale;
    context->saved_data["sampling_ratio"] = sampling_ratio;
    context->saved_data["aligned"] = aligned;
    return roi_align_operator().call(features, rois, scale, height, width, sampling_ratio, aligned,
                                     format);
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
    return {gradient, {}, {}, {}, {}, {}, {}, {}};
  }
};

torch::Tensor roi_align_autograd(const torch::Tensor& features, const torch::Tensor& rois,
                                 double scale, std::int64_t height, std::int64_t width,
                                 std::int64_t sampling_ratio, bool aligned,
                                 std::optional<at::MemoryFormat> format) {
  return RoiAlignFunction::apply(features, rois, scale, height, width, sampling_ratio, aligned,
                                 format);
}

template <c10::DispatchKey kAutocast>
torch::Tensor roi_align_autocast(const torch::Tensor& features, const torch::Tensor& rois,
                                 double scale, std::int64_t height, std::int64_t width,
                                 std::int64_t sampling_ratio, bool aligned,
                                 std::optional<at::MemoryFormat> format) {
  const c10::impl::ExcludeDispatchKeyGuard below(kAutocast);
  return roi_align_operator().call(features, rois.to(torch::kFloat), scale, height, width,
                                   sampling_ratio, aligned, format);
}

}  // namespace

torch::Tensor roi_align(const torch::Tensor& features, const torch::Tensor& rois,
                        const RoiAlignOptions& options) {
  std::optional<at::MemoryFormat> format;
  if (options.layout) format = memory_format_of(*options.layout);
  return roi_align_operator().call(features, rois, options.scale, options.height, options.width,
                                   options.sampling_ratio, options.corner == RoiCorner::kCentre,
                                   format);
}

TORCH_LIBRARY_FRAGMENT(medsweep, library) {
  library.def(
      "roi_align(Tensor features, Tensor rois, float scale, int height, int width, "
      "int sampling_ratio, bool aligned, MemoryFormat? memory_format=None) -> Tensor");
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
