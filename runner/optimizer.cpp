#include "runner/optimizer.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <fmt/format.h>
#include <torch/torch.h>

#include <array>
#include <cmath>
#include <span>
#include <stdexcept>

namespace medsweep::runner {

using TensorLists = std::vector<std::vector<torch::Tensor>>;

/// parameters and gradients of one step, and for each of the rule's slots its tensors.
struct OptimizerRule {
  using Update = void (*)(const OptimizerOptions&, const std::vector<torch::Tensor>& parameters,
                          const std::vector<torch::Tensor>& gradients, const TensorLists& slots);
  using Slots = std::vector<std::string_view> (*)(const OptimizerOptions&);
  Update update;
  Slots slots;
};

namespace {

constexpr std::string_view kStepSlot = "step";  // a float32 scalar; the others are as the parameter

std::vector<std::string_view> sgd_slots(const OptimizerOptions& options) {
  if (options.momentum == 0) return {};
  return {"momentum_buffer"};
}

std::vector<std::string_view> adam_slots(const OptimizerOptions&) {
  return {"exp_avg", "exp_avg_sq", kStepSlot};
}

void update_sgd(const OptimizerOptions& options, const std::vector<torch::Tensor>& parameters,
                const std::vector<torch::Tensor>& gradients, const TensorLists& slots) {
  // A first buffer of zeros equals PyTorch's copy of the first gradient: 0 * momentum + gradient.
  const std::vector<torch::Tensor> none;
  at::_fused_sgd_(parameters, gradients, slots.empty() ? none : slots[0], options.weight_decay,
                  options.momentum, options.learning_rate, /*dampening=*/0, options.nesterov,
                  /*maximize=*/false, /*is_first_step=*/false);
}

void update_adam(const OptimizerOptions& options, const std::vector<torch::Tensor>& parameters,
                 const std::vector<torch::Tensor>& gradients, const TensorLists& slots) {
  at::_foreach_add_(slots[2], 1);
  at::_fused_adam_(parameters, gradients, slots[0], slots[1], {}, slots[2], options.learning_rate,
                   options.beta1, options.beta2, options.weight_decay, options.epsilon,
                   /*amsgrad=*/false, /*maximize=*/false);
}

void update_adamw(const OptimizerOptions& options, const std::vector<torch::Tensor>& parameters,
                  const std::vector<torch::Tensor>& gradients, const TensorLists& slots) {
  at::_foreach_add_(slots[2], 1);
  at::_fused_adamw_(parameters, gradients, slots[0], slots[1], {}, slots[2], options.learning_rate,
                    options.beta1, options.beta2, options.weight_decay, options.epsilon,
                    /*amsgrad=*/false, /*maximize=*/false);
}

constexpr std::array kOptimizers{
    Entry<OptimizerRule>{"sgd",
                         "sgd",
                         "runner/optimizer",
                         {update_sgd, sgd_slots},
                         "stochastic gradient descent, with momentum and Nesterov's variant"},
    Entry<OptimizerRule>{"adam",
                         "adam",
                         "runner/optimizer",
                         {update_adam, adam_slots},
                         "Adam; weight decay is added to the gradient"},
    Entry<OptimizerRule>{"adamw",
                         "adamw",
                         "runner/optimizer",
                         {update_adamw, adam_slots},
                         "Adam with decoupled weight decay"},
};
static_assert(names_are_unique(kOptimizers));

void check_range(bool allowed, std::string_view key, double got, std::string_view what) {
  if (!allowed)
    throw std::invalid_argument(fmt::format("[optimizer] {} {}; {} is allowed", key, got, what));
}

void check_optimizer(const OptimizerOptions& options, const NamedParameters& parameters) {
  check_range(options.learning_rate >= 0, "learning_rate", options.learning_rate, "0 or more");
  check_range(options.weight_decay >= 0, "weight_decay", options.weight_decay, "0 or more");
  check_range(options.momentum >= 0, "momentum", options.momentum, "0 or more");
  check_range(options.beta1 >= 0 && options.beta1 < 1, "beta1", options.beta1, "[0, 1)");
  check_range(options.beta2 >= 0 && options.beta2 < 1, "beta2", options.beta2, "[0, 1)");
  check_range(options.epsilon >= 0, "epsilon", options.epsilon, "0 or more");
  if (options.nesterov && options.momentum == 0)
    throw std::invalid_argument("[optimizer] nesterov without momentum; momentum > 0 is allowed");
  for (const auto& [name, parameter] : parameters)
    if (!parameter.requires_grad())
      throw std::invalid_argument(fmt::format(
          "[optimizer] parameter '{}' needs no gradient; trainable parameters are allowed", name));
}

/// The fused kernels walk raw memory: a gradient must lie as its parameter does.
torch::Tensor laid_out_as(const torch::Tensor& parameter, const torch::Tensor& gradient) {
  if (gradient.strides() == parameter.strides()) return gradient;
  return torch::empty_strided(parameter.sizes(), parameter.strides(), gradient.options())
      .copy_(gradient);
}

/// Its memory as one axis, which several tensors that lie alike can be updated by: what is not
/// contiguous the fused kernels take through copies, channels-last kernels too.
torch::Tensor as_one_axis(const torch::Tensor& tensor) {
  if (tensor.dim() < 2 || !tensor.is_non_overlapping_and_dense()) return tensor;
  return tensor.as_strided({tensor.numel()}, {1});
}

}  // namespace

NamedParameters trainable_parameters(const torch::nn::Module& module) {
  NamedParameters parameters;
  for (const auto& item : module.named_parameters())
    if (item.value().requires_grad()) parameters.emplace_back(item.key(), item.value());
  return parameters;
}

Optimizer::Optimizer(const OptimizerOptions& options, NamedParameters parameters)
    : options_(options),
      rule_(&find("optimizer", kOptimizers, options.name).make),
      parameters_(std::move(parameters)) {
  check_optimizer(options_, parameters_);
  for (const std::string_view slot : rule_->slots(options_)) {
    auto& tensors = slots_.emplace_back();
    for (const auto& entry : parameters_)
      tensors.push_back(slot == kStepSlot
                            ? torch::zeros({}, entry.second.options().requires_grad(false))
                            : torch::zeros_like(entry.second).detach());
  }
}

void Optimizer::step() {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> parameters, gradients;
  TensorLists slots(slots_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const torch::Tensor& parameter = parameters_[i].second;
    if (!parameter.grad().defined()) continue;
    parameters.push_back(as_one_axis(parameter));
    gradients.push_back(as_one_axis(laid_out_as(parameter, parameter.grad())));
    for (std::size_t slot = 0; slot < slots_.size(); ++slot)
      slots[slot].push_back(as_one_axis(slots_[slot][i]));
  }
  if (!parameters.empty()) rule_->update(options_, parameters, gradients, slots);
}

void Optimizer::drop_gradients() {
  for (auto& entry : parameters_) entry.second.mutable_grad().reset();
}

Tensors Optimizer::state() const {
  Tensors state;
  const auto names = rule_->slots(options_);
  for (std::size_t slot = 0; slot < names.size(); ++slot)
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      state.emplace(fmt::format("{}.{}", names[slot], parameters_[i].first), slots_[slot][i]);
  return state;
}

void Optimizer::load_state(const Tensors& state) {
  copy_tensors("optimizer", state, this->state());
}

double clip_gradients(const NamedParameters& parameters, double maximum_norm) {
  const torch::NoGradGuard no_grad;
  if (!(maximum_norm > 0))
    throw std::invalid_argument(
        fmt::format("[gradient_clip] {}; more than 0 is allowed", maximum_norm));
  std::vector<torch::Tensor> gradients;
  for (const auto& entry : parameters)
    if (entry.second.grad().defined()) gradients.push_back(entry.second.grad());
  if (gradients.empty()) return 0;
  const double norm =
      torch::linalg_vector_norm(torch::stack(at::_foreach_norm(gradients, 2))).item<double>();
  const double scale = maximum_norm / (norm + 1e-6);
  if (std::isfinite(norm) && scale < 1) at::_foreach_mul_(gradients, scale);
  return norm;
}

std::vector<Row> optimizer_rows() { return rows_of(kOptimizers); }

}  // namespace medsweep::runner
