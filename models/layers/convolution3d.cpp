#include "models/layers/convolution3d.h"

#include <ATen/native/ConvUtils.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "models/layers/autocast_state.h"

namespace medsweep::models {
namespace {

// torch picks the gradients' backend by the volume's size again; this is what it calls where it
// picks oneDNN. Null in a build of torch without it.
at::native::mkldnn_convolution_backward_fn one_dnn_backward() {
  return at::native::mkldnn_convolution_backward_stub_DECLARE_DISPATCH_type::DEFAULT;
}

struct Window {
  std::vector<std::int64_t> padding, stride, dilation;
};

// In the order that it has, where it has one.
torch::Tensor dense(const torch::Tensor& kernel) {
  return kernel.is_non_overlapping_and_dense() ? kernel : kernel.contiguous();
}

// bias: empty where there is none.
class Convolution3dByOneDnn : public torch::autograd::Function<Convolution3dByOneDnn> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& volumes, const torch::Tensor& weight,
                               const torch::Tensor& bias, const Window& window) {
    const bool last = at::native::mkldnn_conv_use_channels_last(volumes, weight);
    const auto format = last ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::Contiguous;
    const torch::Tensor own = volumes.contiguous(format);
    context->save_for_backward({own, weight});
    context->saved_data["padding"] = window.padding;
    context->saved_data["stride"] = window.stride;
    context->saved_data["dilation"] = window.dilation;
    const std::optional<torch::Tensor> shift =
        bias.numel() > 0 ? std::optional(bias) : std::optional<torch::Tensor>();
    return at::mkldnn_convolution(own, dense(weight), shift, window.padding, window.stride,
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
        one_dnn_backward()(saved[0], gradients[0].contiguous(format), dense(saved[1]),
                           sides("padding"), sides("stride"), sides("dilation"), 1,
                           std::array{context->needs_input_grad(0), context->needs_input_grad(1),
                                      context->needs_input_grad(2)});
    return {of_volumes, of_weight, of_bias, torch::Tensor()};
  }
};

bool is_for_one_dnn(const torch::Tensor& volumes, const torch::nn::Conv3dImpl& layer) {
  const auto& options = layer.options;
  const bool casts = at::autocast::is_autocast_enabled(at::kCPU);
  return volumes.dim() == 5 && volumes.numel() > 0 &&
         (casts ? at::autocast::get_autocast_dtype(at::kCPU) == torch::kBFloat16
                : volumes.scalar_type() == torch::kFloat &&
                      layer.weight.scalar_type() == torch::kFloat) &&
         options.groups() == 1 &&
         std::holds_alternative<torch::enumtype::kZeros>(options.padding_mode()) &&
         std::holds_alternative<torch::ExpandingArray<3>>(options.padding()) &&
         at::globalContext().userEnabledMkldnn() && one_dnn_backward() != nullptr;
}

std::vector<std::int64_t> sides_of(const torch::ExpandingArray<3>& values) {
  return {values->begin(), values->end()};
}

}  // namespace

torch::Tensor Convolution3dImpl::forward(const torch::Tensor& volumes) {
  const bool casts = volumes.is_cpu() && at::autocast::is_autocast_enabled(at::kCPU);
  const bool has_few_slices = casts && volumes.size(2) < options.kernel_size()->front();
  const bool by_one_dnn = volumes.is_cpu() && is_for_one_dnn(volumes, *this);
  if (!by_one_dnn && !has_few_slices) return Conv3dImpl::forward(volumes);
  const AutocastStateGuard plain(at::kCPU, false, at::autocast::get_autocast_dtype(at::kCPU));
  if (!by_one_dnn) return Conv3dImpl::forward(volumes.to(torch::kFloat));
  const auto type = casts && !has_few_slices ? torch::kBFloat16 : torch::kFloat;
  // Bringing a large kernel into the volumes' order takes longer than bringing them into its own.
  const auto last = at::MemoryFormat::ChannelsLast3d;
  const bool leads = weight.is_contiguous() && !weight.is_contiguous(last);
  const torch::Tensor own = volumes.to(type);
  const torch::Tensor output = Convolution3dByOneDnn::apply(
      leads ? own.contiguous() : own, weight.to(type),
      bias.defined() ? bias.to(type) : weight.new_empty({0}),
      Window{sides_of(std::get<torch::ExpandingArray<3>>(options.padding())),
             sides_of(options.stride()), sides_of(options.dilation())});
  return volumes.is_contiguous(last) ? output.contiguous(last) : output;
}

}  // namespace medsweep::models
