#include "models/layers/convolution3d.h"

#include <ATen/native/ConvUtils.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "models/layers/autocast_state.h"

namespace medsweep::models {
namespace {

using Sides = at::ArrayRef<std::int64_t>;

// torch picks the gradients' backend by the volume's size again; this is what it calls where it
// picks oneDNN. Null in a build of torch without it.
at::native::mkldnn_convolution_backward_fn one_dnn_backward() {
  return at::native::mkldnn_convolution_backward_stub_DECLARE_DISPATCH_type::DEFAULT;
}

struct Window {
  std::vector<std::int64_t> padding, stride, dilation;
};

// bias: empty where there is none.
class Convolution3dByOneDnn : public torch::autograd::Function<Convolution3dByOneDnn> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& volumes, const torch::Tensor& weight,
                               const torch::Tensor& bias, const Window& window) {
    const bool last = at::native::mkldnn_conv_use_channels_last(volumes, weight);
    const auto format = last ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::Contiguous;
    const torch::Tensor own = volumes.contiguous(format), kernels = weight.contiguous(format);
    context->save_for_backward({own, kernels});
    context->saved_data["padding"] = window.padding;
    context->saved_data["stride"] = window.stride;
    context->saved_data["dilation"] = window.dilation;
    const std::optional<torch::Tensor> shift =
        bias.numel() > 0 ? std::optional(bias) : std::optional<torch::Tensor>();
    return at::mkldnn_convolution(own, kernels, shift, window.padding, window.stride,
                                  window.dilation, 1);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto format = saved[0].suggest_memory_format();
    const auto sides = [context](const char* name) {
      return context->saved_data[name].toIntVector();
    };
    auto [of_volumes, of_weight, of_bias] =
        one_dnn_backward()(saved[0], gradients[0].contiguous(format), saved[1], sides("padding"),
                           sides("stride"), sides("dilation"), 1,
                           std::array{context->needs_input_grad(0), context->needs_input_grad(1),
                                      context->needs_input_grad(2)});
    return {of_volumes, of_weight, of_bias, torch::Tensor()};
  }
};

// torch gives a single small volume to a loop of its own, which unfolds it.
bool is_passed_over(const torch::Tensor& volumes,
                    const torch::nn::detail::ConvNdOptions<3>& options) {
  return volumes.is_cpu() && volumes.dim() == 5 && volumes.size(0) == 1 &&
         volumes.scalar_type() == torch::kFloat && options.groups() == 1 &&
         std::holds_alternative<torch::enumtype::kZeros>(options.padding_mode()) &&
         std::holds_alternative<torch::ExpandingArray<3>>(options.padding()) &&
         at::globalContext().userEnabledMkldnn() && one_dnn_backward() != nullptr;
}

}  // namespace

torch::Tensor Convolution3dImpl::in_single_precision(const torch::Tensor& volumes) {
  if (!is_passed_over(volumes, options)) return Conv3dImpl::forward(volumes);
  const auto values = [](const torch::ExpandingArray<3>& sides) { return Sides(*sides).vec(); };
  return Convolution3dByOneDnn::apply(
      volumes, weight, bias.defined() ? bias : weight.new_empty({0}),
      Window{values(std::get<torch::ExpandingArray<3>>(options.padding())),
             values(options.stride()), values(options.dilation())});
}

torch::Tensor Convolution3dImpl::forward(const torch::Tensor& volumes) {
  const auto device = volumes.device().type();
  if (!at::autocast::is_autocast_enabled(device)) return in_single_precision(volumes);
  const bool has_few_slices = volumes.size(2) < options.kernel_size()->front();
  if (device != c10::DeviceType::CPU || !has_few_slices) return Conv3dImpl::forward(volumes);
  const AutocastStateGuard single(device, false, at::autocast::get_autocast_dtype(device));
  return in_single_precision(volumes.to(torch::kFloat));
}

}  // namespace medsweep::models
