#include "models/layers/recomputed.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "models/layers/autocast_state.h"
#include "models/layers/batch_norm.h"

namespace medsweep::models {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What the second run must know of the first.
struct FirstRun : torch::CustomClassHolder {
  FirstRun(Stage what, c10::DeviceType on)
      : stage(std::move(what)),
        device(on),
        autocast(at::autocast::is_autocast_enabled(on)),
        type(at::autocast::get_autocast_dtype(on)) {}
  torch::Tensor on(const torch::Tensor& first, const torch::Tensor& second) const {
    return stage(first, has_second ? second : torch::Tensor());
  }
  Stage stage;
  c10::DeviceType device;
  bool autocast;
  at::ScalarType type;
  bool has_second = false;  ///< the graph takes no undefined tensor: an empty one stands for it
  bool wants_first = false, wants_second = false;  ///< gradients
};

struct Recomputation : torch::autograd::Function<Recomputation> {
  /// anchor: a leaf that asks for a gradient, so that there is a node where no input does.
  static torch::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<FirstRun>& run,
                               const torch::Tensor& first, const torch::Tensor& second,
                               const torch::Tensor& /*anchor*/) {
    context->saved_data["run"] = c10::IValue::make_capsule(run);
    run->wants_first = first.requires_grad();
    run->wants_second = second.requires_grad();
    context->save_for_backward({first, second});
    return run->on(first, second);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto run =
        c10::static_intrusive_pointer_cast<FirstRun>(context->saved_data["run"].toCapsule());
    const variable_list kept = context->get_saved_variables();
    const torch::Tensor first = kept[0].detach().requires_grad_(run->wants_first);
    const torch::Tensor second = kept[1].detach().requires_grad_(run->wants_second);
    torch::Tensor output;
    {
      const torch::AutoGradMode with_gradient(true);
      const AutocastStateGuard autocast(run->device, run->autocast, run->type);
      const WithoutStatistics statistics;
      output = run->on(first, second);
    }
    torch::autograd::backward({output}, {gradients[0]});
    return {{}, first.grad(), second.grad(), {}};
  }
};

}  // namespace

torch::Tensor run_stage(Activations activations, const Stage& stage, const torch::Tensor& first,
                        const torch::Tensor& second) {
  if (activations == Activations::kKept || !torch::GradMode::is_enabled())
    return stage(first, second);
  const auto run = c10::make_intrusive<FirstRun>(stage, first.device().type());
  const torch::Tensor anchor = torch::zeros({0}, first.options()).requires_grad_();
  run->has_second = second.defined();
  return Recomputation::apply(run, first, run->has_second ? second : anchor.detach(), anchor);
}

}  // namespace medsweep::models
