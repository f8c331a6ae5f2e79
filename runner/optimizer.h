#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/catalog.h"
#include "runner/safetensors.h"

namespace medsweep::runner {

/// Keys of a study's `optimizer`; each optimizer reads its own.
struct OptimizerOptions {
  std::string name = "adam";
  double learning_rate = 1e-3;
  double weight_decay = 0;  ///< sgd, adam: added to the gradient; adamw: decoupled
  double momentum = 0;      ///< sgd
  bool nesterov = false;    ///< sgd
  double beta1 = 0.9;       ///< adam, adamw
  double beta2 = 0.999;     ///< adam, adamw
  double epsilon = 1e-8;    ///< adam, adamw
};

/// Full name within the model and the parameter itself, in the model's order.
using NamedParameters = std::vector<std::pair<std::string, torch::Tensor>>;

/// The parameters of `module` that need a gradient.
NamedParameters trainable_parameters(const torch::nn::Module& module);

struct OptimizerRule;  // a row's update and the tensors it keeps for each parameter

/// Changes parameters by their gradients. PyTorch's formulas through its fused kernels (one pass
/// over memory: on a CPU several times faster than torch::optim; each element is computed alone,
/// so the bits depend on neither the number of threads nor the grouping).
///
/// A parameter without a gradient is left alone, its state too. Gradients stay as they are.
class Optimizer {
 public:
  /// Throws std::invalid_argument for an unknown name, an option out of its range, or a parameter
  /// that needs no gradient.
  Optimizer(const OptimizerOptions& options, NamedParameters parameters);

  void step();
  /// Leaves the parameters without gradients. The next backward pass then stores its own instead of
  /// adding to zeros: two passes over all parameters less.
  void drop_gradients();
  double learning_rate() const { return options_.learning_rate; }
  void set_learning_rate(double value) { options_.learning_rate = value; }

  /// "exp_avg.<parameter>", "exp_avg_sq.<parameter>", "step.<parameter>"; sgd:
  /// "momentum_buffer.<parameter>". The tensors themselves, not copies.
  Tensors state() const;
  /// Copies values in; going on equals never having stopped, bit for bit.
  /// Throws std::invalid_argument that names the first missing, foreign or misshapen tensor.
  void load_state(const Tensors& state);

  const NamedParameters& parameters() const { return parameters_; }

 private:
  OptimizerOptions options_;
  const OptimizerRule* rule_;
  NamedParameters parameters_;
  std::vector<std::vector<torch::Tensor>> slots_;  ///< [slot of the rule][parameter]
};

/// Scales all gradients so that their common 2-norm is at most `maximum_norm`, as
/// torch.nn.utils.clip_grad_norm_. Returns the norm before. A norm that is not finite scales
/// nothing: the caller stops the trial.
double clip_gradients(const NamedParameters& parameters, double maximum_norm);

std::vector<Row> optimizer_rows();

}  // namespace medsweep::runner
