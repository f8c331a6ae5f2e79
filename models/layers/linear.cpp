#include "models/layers/linear.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <string_view>

namespace medsweep::models {
namespace {

constexpr std::int64_t kWorthwhileProducts = 1 << 24;

using LinearPointwise = torch::Tensor(const torch::Tensor&, const torch::Tensor&,
                                      const std::optional<torch::Tensor>&, std::string_view,
                                      c10::List<std::optional<at::Scalar>>,
                                      std::optional<std::string_view>);

// Nothing where this build of torch has no oneDNN.
const std::optional<c10::TypedOperatorHandle<LinearPointwise>>& linear_pointwise() {
  static const auto found = []() -> std::optional<c10::TypedOperatorHandle<LinearPointwise>> {
    const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!handle || !handle->hasKernelForDispatchKey(c10::DispatchKey::CPU)) return std::nullopt;
    return handle->typed<LinearPointwise>();
  }();
  return found;
}

// rows weight^T + bias
torch::Tensor linear_product(const torch::Tensor& rows, const torch::Tensor& weight,
                             const std::optional<torch::Tensor>& bias = std::nullopt) {
  return linear_pointwise()->call(rows, weight, bias, "none",
                                  c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

class LinearByOneDnn : public torch::autograd::Function<LinearByOneDnn> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& input, const torch::Tensor& weight,
                               const torch::Tensor& bias) {
    context->save_for_backward({input, weight});
    return linear_product(input, weight, bias);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor gradient = gradients[0].contiguous();
    torch::Tensor of_input, of_weight, of_bias;
    if (context->needs_input_grad(0)) of_input = linear_product(gradient, saved[1].t());
    if (context->needs_input_grad(1))
      of_weight = linear_product(gradient.t().contiguous(), saved[0].t());
    if (context->needs_input_grad(2)) of_bias = gradient.sum(0);
    return {of_input, of_weight, of_bias};
  }
};

bool is_for_one_dnn(const torch::Tensor& input, const torch::nn::LinearImpl& layer) {
  return input.is_cpu() && input.scalar_type() == torch::kFloat && input.dim() == 2 &&
         layer.bias.defined() && !at::autocast::is_autocast_enabled(at::kCPU) &&
         input.numel() * layer.weight.size(0) >= kWorthwhileProducts &&
         at::globalContext().userEnabledMkldnn() && linear_pointwise();
}

}  // namespace

torch::Tensor linear(const torch::Tensor& input, torch::nn::Linear& layer) {
  if (!is_for_one_dnn(input, *layer)) return layer->forward(input);
  return LinearByOneDnn::apply(input.contiguous(), layer->weight, layer->bias);
}

}  // namespace medsweep::models
