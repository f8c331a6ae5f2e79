#include "models/segmentation/torchscript.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <stdexcept>

namespace medsweep::models {
namespace {

/// Puts what a script's module owns into one of ours: the tensors themselves.
void adopt(const torch::jit::Module& script, torch::nn::Module& module) {
  for (const auto& parameter : script.named_parameters(/*recurse=*/false))
    module.register_parameter(parameter.name, parameter.value, parameter.value.requires_grad());
  for (const auto& buffer : script.named_buffers(/*recurse=*/false))
    module.register_buffer(buffer.name, buffer.value);
  for (const auto& child : script.named_children())
    adopt(child.value, *module.register_module(child.name, std::make_shared<torch::nn::Module>()));
}

torch::jit::Module load_script(const std::string& file) {
  if (!std::filesystem::exists(file))
    throw std::invalid_argument(fmt::format(
        "[model.torchscript] file '{}' is not there; what torch.jit.save wrote is allowed", file));
  try {
    return torch::jit::load(file, torch::kCPU);
  } catch (const c10::Error& error) {
    throw std::invalid_argument(
        fmt::format("[model.torchscript] file '{}' is no scripted network ({}); what "
                    "torch.jit.save wrote is allowed",
                    file, error.what_without_backtrace()));
  }
}

}  // namespace

NetworkShape TorchScriptNetwork::shape(const NetworkOptions& options) {
  if (options.size_multiple < 1)
    throw std::invalid_argument(fmt::format(
        "[model.torchscript] size_multiple {}; at least 1 is allowed", options.size_multiple));
  NetworkShape shape;
  shape.size_multiple = options.size_multiple;
  return shape;
}

TorchScriptNetwork::TorchScriptNetwork(const NetworkOptions& options) : options_(options) {
  if (options.attention.name != "none")
    throw std::invalid_argument(
        fmt::format("[model.torchscript] attention '{}'; none is allowed", options.attention.name));
  script_ = load_script(options.file);
  adopt(script_, *this);
  if (parameters().empty())
    throw std::invalid_argument(fmt::format(
        "[model.torchscript] '{}' has no parameters; a network to train is allowed", options.file));
}

torch::Tensor TorchScriptNetwork::forward(const torch::Tensor& images) {
  check_images("model.torchscript", images, options_.in_channels, size_multiple());
  const c10::IValue result = script_.forward({images});
  std::vector<std::int64_t> shape = images.sizes().vec();
  shape[1] = options_.out_channels;
  if (!result.isTensor() || result.toTensor().sizes() != shape)
    throw std::invalid_argument(
        fmt::format("[model.torchscript] '{}' gives {} for images of {}; a tensor of {} is allowed",
                    options_.file,
                    result.isTensor() ? fmt::format("{}", fmt::join(result.toTensor().sizes(), "x"))
                                      : result.tagKind(),
                    fmt::join(images.sizes(), "x"), fmt::join(shape, "x")));
  return result.toTensor();
}

void TorchScriptNetwork::initialize_own() {
  const torch::NoGradGuard no_gradient;
  const torch::jit::Module fresh = load_script(options_.file);
  auto parameters = named_parameters();
  for (const auto& parameter : fresh.named_parameters())
    parameters[parameter.name].copy_(parameter.value);
}

void TorchScriptNetwork::train(bool on) {
  torch::nn::Module::train(on);
  script_.train(on);
}

}  // namespace medsweep::models
