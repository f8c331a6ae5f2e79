#pragma once

#include <torch/nn.h>

#include <string_view>
#include <vector>

#include "base/catalog.h"

namespace medsweep::models {

/// Fills the parameters of every convolution, transposed convolution and linear layer of `module`
/// as `name` says:
///   default     torch's: weight and bias uniform in +-1 / sqrt(fan_in)
///   normal      weight normal, deviation 0.02; bias 0
///   xavier      weight normal, variance 2 / (fan_in + fan_out) (Glorot, Bengio, AISTATS 2010);
///               bias 0
///   kaiming     weight normal, variance 2 / fan_in (He et al., ICCV 2015); bias 0
///   kaiming_fan_out  weight normal, variance 2 / fan_out: torchvision's ResNets; bias 0
///   uniform     weight uniform in +-sqrt(3 / fan_in), variance 1 / fan_in: torchvision's feature
///               pyramids; bias 0
///   orthogonal  weight with orthonormal rows or columns (Saxe et al., ICLR 2014); bias 0
/// Normalisations get scale 1 and shift 0, their running statistics 0 and 1.
///
/// Every number is a function of (seed, index of the parameter, position) alone, whatever torch's
/// generator, the number of threads, of ranks or the memory format. float32 parameters.
/// The module's parameters count from `first`; returns the index after the last one, with which the
/// next part of a network goes on. Throws std::invalid_argument for an unknown name.
std::uint64_t initialize(torch::nn::Module& module, std::string_view name, std::uint64_t seed,
                         std::uint64_t first = 0);

/// The names that initialize knows.
std::vector<Row> init_rows();

}  // namespace medsweep::models
