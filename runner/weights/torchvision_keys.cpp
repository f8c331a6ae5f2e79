#include "runner/weights/torchvision_keys.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace medsweep::runner {
namespace {

constexpr std::array<std::string_view, 2> kWrapperPrefixes{"module.", "model."};
constexpr std::string_view kRpnConvolution = "rpn.head.conv.",
                           kMaskLayer = "roi_heads.mask_head.mask_fcn",
                           kBatchCount = "num_batches_tracked", kStem = "conv1.weight";
constexpr std::array<std::string_view, 2> kPyramidBlocks{"backbone.fpn.inner_blocks.",
                                                         "backbone.fpn.layer_blocks."};

bool is_weight_or_bias(std::string_view name) { return name == "weight" || name == "bias"; }

/// The number at the front of "3.weight", whose rest must be weight or bias; -1 for other texts.
int index_of_layer(std::string_view text) {
  const bool is_one = text.size() > 2 && std::isdigit(static_cast<unsigned char>(text[0])) != 0 &&
                      text[1] == '.' && is_weight_or_bias(text.substr(2));
  return is_one ? text[0] - '0' : -1;
}

bool all_begin_with(const Tensors& tensors, std::string_view prefix) {
  return !tensors.empty() && std::ranges::all_of(tensors, [&](const auto& entry) {
    return entry.first.starts_with(prefix);
  });
}

bool any_begins_with(const TensorNames& names, std::string_view prefix) {
  return std::ranges::any_of(names, [&](const auto& name) { return name.starts_with(prefix); });
}

Tensors without_wrappers(Tensors tensors, const TensorNames& known,
                         std::vector<std::string>& notes) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix : kWrapperPrefixes) {
      if (!all_begin_with(tensors, prefix) || any_begins_with(known, prefix)) continue;
      Tensors shorter;
      for (auto& [name, tensor] : tensors) shorter.emplace(name.substr(prefix.size()), tensor);
      tensors = std::move(shorter);
      notes.push_back(fmt::format("names without their prefix '{}'", prefix));
      again = true;
    }
  }
  return tensors;
}

/// A classifier's file for a network that has its layers under `body`.
bool is_of_body(const Tensors& tensors, const TensorNames& known, std::string_view body) {
  const auto is_known = [&](std::string_view prefix) {
    return [&, prefix](const auto& entry) {
      return known.contains(std::string(prefix) + entry.first);
    };
  };
  return std::ranges::none_of(tensors, is_known("")) &&
         std::ranges::any_of(tensors, is_known(body));
}

void drop_classifier(Tensors& tensors, const TensorNames& known, std::vector<std::string>& notes) {
  std::erase_if(tensors, [&](const auto& entry) {
    const std::string& name = entry.first;
    const bool is_classifiers = name.starts_with("fc.") || name.starts_with("classifier.");
    if (!is_classifiers || known.contains(name)) return false;
    notes.push_back(fmt::format("left out: the classifier's {}", name));
    return true;
  });
}

/// "...denselayer3.norm.1.weight", as the published files of DenseNets have it: "...norm1.weight".
std::string dense_key(std::string_view name) {
  std::string key(name);
  if (name.find(".denselayer") == std::string_view::npos) return key;
  for (const std::string_view part : {".norm.1.", ".norm.2.", ".conv.1.", ".conv.2."})
    if (const auto at = key.find(part); at != std::string::npos) key.erase(at + 5, 1);
  return key;
}

}  // namespace

torch::Tensor fold_stem(const torch::Tensor& weight, StemFold fold) {
  if (weight.dim() != 4 || weight.size(1) != 3)
    throw std::invalid_argument(fmt::format(
        "[fold_stem] {}; [filters, 3, height, width] is allowed", c10::str(weight.sizes())));
  const auto type = weight.scalar_type();
  const auto sum = weight.to(torch::kFloat64).sum(1, true);
  return (fold == StemFold::kSum ? sum : sum / 3).to(type);
}

std::string torchvision_key(std::string_view name) {
  if (name.starts_with(kRpnConvolution)) {
    const auto rest = name.substr(kRpnConvolution.size());
    if (is_weight_or_bias(rest)) return fmt::format("{}0.0.{}", kRpnConvolution, rest);
  }
  for (const std::string_view blocks : kPyramidBlocks)
    if (name.starts_with(blocks))
      if (const int i = index_of_layer(name.substr(blocks.size())); i >= 0)
        return fmt::format("{}{}.0.{}", blocks, i, name.substr(blocks.size() + 2));
  if (name.starts_with(kMaskLayer))
    if (const int i = index_of_layer(name.substr(kMaskLayer.size())); i >= 1)
      return fmt::format("roi_heads.mask_head.{}.0.{}", i - 1, name.substr(kMaskLayer.size() + 2));
  return dense_key(name);
}

FittedTensors fit_names(const Tensors& file, const TensorNames& known, std::string_view body) {
  FittedTensors fitted;
  Tensors tensors = without_wrappers(file, known, fitted.notes);
  const bool of_body = is_of_body(tensors, known, body);
  if (of_body || tensors.contains(std::string(kStem)))
    drop_classifier(tensors, known, fitted.notes);
  if (of_body) fitted.scope = body;
  std::size_t renamed = 0;
  for (const auto& [name, tensor] : tensors) {
    std::string here = fitted.scope + name;
    if (!known.contains(here)) here = torchvision_key(here);
    renamed += here != fitted.scope + name ? 1 : 0;
    if (here.ends_with(kBatchCount) && !known.contains(here)) continue;
    if (!fitted.tensors.emplace(here, tensor).second)
      throw std::invalid_argument(
          fmt::format("[weights] '{}' is there under its old and its new name", here));
  }
  if (!fitted.scope.empty())
    fitted.notes.push_back(fmt::format("a backbone's file: its names stand under '{}'", body));
  if (renamed > 0)
    fitted.notes.push_back(fmt::format("{} names of older torchvision renamed", renamed));
  return fitted;
}

}  // namespace medsweep::runner
