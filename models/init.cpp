#include "models/init.h"

#include <ATen/Parallel.h>

#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "base/random.h"

namespace medsweep::models {
namespace {

constexpr double kPreluSlope = 0.25;  // as He et al. start it, arXiv 1502.01852

// A parameter's own random numbers by position, in blocks of four, so that they can be drawn in
// bulk and by any number of threads.
class ParameterNumbers {
 public:
  ParameterNumbers(std::uint64_t seed, std::uint64_t index)
      : stream_{seed, static_cast<std::uint64_t>(RandomUse::kInit), index},
        key_{stream_.bits(), stream_.bits()},
        high_{stream_.bits(), stream_.bits()} {}

  // Four uniform numbers in (0, 1), 24 bits each.
  std::array<float, 4> uniform(std::int64_t block) const {
    const auto position = static_cast<std::uint64_t>(block);
    const auto bits = philox4x32({static_cast<std::uint32_t>(position),
                                  static_cast<std::uint32_t>(position >> 32), high_[0], high_[1]},
                                 key_);
    std::array<float, 4> values;
    for (std::size_t i = 0; i < 4; ++i)
      values[i] = (static_cast<float>(bits[i] >> 8) + 0.5F) * 0x1p-24F;
    return values;
  }

  // Four standard normal numbers (Box-Muller).
  std::array<float, 4> normal(std::int64_t block) const {
    std::array<float, 4> values = uniform(block);
    for (std::size_t i = 0; i < 4; i += 2) {
      const float radius = std::sqrt(-2.0F * std::log(values[i]));
      const float angle = 2.0F * std::numbers::pi_v<float> * values[i + 1];
      values[i] = radius * std::cos(angle);
      values[i + 1] = radius * std::sin(angle);
    }
    return values;
  }

 private:
  RandomStream stream_;
  std::array<std::uint32_t, 2> key_, high_;
};

// Calls draw(block) for each four numbers of `tensor`, in the order of its indices.
template <typename Draw>
void fill(torch::Tensor& tensor, const Draw& draw) {
  const bool in_place = tensor.is_contiguous() && tensor.scalar_type() == torch::kFloat;
  const torch::Tensor values = in_place ? tensor : torch::empty(tensor.sizes(), torch::kFloat);
  float* const out = values.data_ptr<float>();
  const std::int64_t count = values.numel();
  at::parallel_for(0, (count + 3) / 4, 1 << 14, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const std::array<float, 4> four = draw(block);
      const std::int64_t left = std::min<std::int64_t>(4, count - 4 * block);
      for (std::int64_t i = 0; i < left; ++i)
        out[4 * block + i] = four[static_cast<std::size_t>(i)];
    }
  });
  if (!in_place) tensor.copy_(values);
}

void fill_uniform(torch::Tensor& tensor, float bound, const ParameterNumbers& numbers) {
  fill(tensor, [&](std::int64_t block) {
    auto values = numbers.uniform(block);
    for (float& value : values) value = (2 * value - 1) * bound;
    return values;
  });
}

void fill_normal(torch::Tensor& tensor, float deviation, const ParameterNumbers& numbers) {
  fill(tensor, [&](std::int64_t block) {
    auto values = numbers.normal(block);
    for (float& value : values) value *= deviation;
    return values;
  });
}

// As torch counts them: of a transposed convolution [in, out, h, w], `in` is out * h * w.
struct Fans {
  float in, out;
};

Fans fans_of(const torch::Tensor& weight) {
  const std::int64_t inputs = weight.numel() / weight.size(0);
  const std::int64_t outputs = weight.numel() / weight.size(1);
  return {static_cast<float>(inputs), static_cast<float>(outputs)};
}

using FillWeight = void (*)(torch::Tensor& weight, const ParameterNumbers& numbers);

void fill_default(torch::Tensor& weight, const ParameterNumbers& numbers) {
  fill_uniform(weight, 1 / std::sqrt(fans_of(weight).in), numbers);
}

void fill_small_normal(torch::Tensor& weight, const ParameterNumbers& numbers) {
  fill_normal(weight, 0.02F, numbers);
}

void fill_xavier(torch::Tensor& weight, const ParameterNumbers& numbers) {
  const Fans fans = fans_of(weight);
  fill_normal(weight, std::sqrt(2 / (fans.in + fans.out)), numbers);
}

void fill_kaiming(torch::Tensor& weight, const ParameterNumbers& numbers) {
  fill_normal(weight, std::sqrt(2 / fans_of(weight).in), numbers);
}

void fill_kaiming_fan_out(torch::Tensor& weight, const ParameterNumbers& numbers) {
  fill_normal(weight, std::sqrt(2 / fans_of(weight).out), numbers);
}

void fill_uniform_fan_in(torch::Tensor& weight, const ParameterNumbers& numbers) {
  fill_uniform(weight, std::sqrt(3 / fans_of(weight).in), numbers);
}

void fill_orthogonal(torch::Tensor& weight, const ParameterNumbers& numbers) {
  const std::int64_t rows = weight.size(0), columns = weight.numel() / rows;
  torch::Tensor values = torch::empty({std::max(rows, columns), std::min(rows, columns)});
  fill_normal(values, 1, numbers);
  const auto [q, r] = at::linalg_qr(values);
  const torch::Tensor orthonormal = q * r.diagonal().sign();  // makes q unique
  weight.copy_((rows < columns ? orthonormal.t() : orthonormal).reshape(weight.sizes()));
}

constexpr std::array kInits{
    Entry<FillWeight>{"default", "default", "models/init", fill_default,
                      "torch's own: uniform in +-1 / sqrt(fan_in)"},
    Entry<FillWeight>{"normal", "normal", "models/init", fill_small_normal,
                      "normal with deviation 0.02"},
    Entry<FillWeight>{"xavier", "xavier", "models/init", fill_xavier,
                      "normal, variance 2 / (fan_in + fan_out)"},
    Entry<FillWeight>{"kaiming", "kaiming", "models/init", fill_kaiming,
                      "normal, variance 2 / fan_in"},
    Entry<FillWeight>{"kaiming_fan_out", "fanout", "models/init", fill_kaiming_fan_out,
                      "normal, variance 2 / fan_out"},
    Entry<FillWeight>{"uniform", "uniform", "models/init", fill_uniform_fan_in,
                      "uniform in +-sqrt(3 / fan_in)"},
    Entry<FillWeight>{"orthogonal", "orthogonal", "models/init", fill_orthogonal,
                      "orthonormal rows or columns"},
};
static_assert(names_are_unique(kInits));

bool is_filled(const torch::nn::Module& module) {
  return module.as<torch::nn::Conv1d>() != nullptr || module.as<torch::nn::Conv2d>() != nullptr ||
         module.as<torch::nn::ConvTranspose2d>() != nullptr ||
         module.as<torch::nn::Conv3d>() != nullptr ||
         module.as<torch::nn::ConvTranspose3d>() != nullptr ||
         module.as<torch::nn::Linear>() != nullptr;
}

}  // namespace

std::uint64_t initialize(torch::nn::Module& module, std::string_view name, std::uint64_t seed,
                         std::uint64_t first) {
  const auto& entry = find("init", kInits, name);
  torch::NoGradGuard no_grad;
  std::uint64_t index = first;
  for (const auto& child : module.modules()) {
    const bool filled = is_filled(*child);
    const auto parameters = child->named_parameters(false);
    for (const auto& parameter : parameters) {
      torch::Tensor tensor = parameter.value();
      const ParameterNumbers numbers(seed, index++);
      if (child->as<torch::nn::PReLU>() != nullptr)
        tensor.fill_(kPreluSlope);
      else if (!filled)
        tensor.fill_(parameter.key() == "weight" ? 1 : 0);
      else if (parameter.key() == "weight")
        entry.make(tensor, numbers);
      else if (name == "default")
        fill_uniform(tensor, 1 / std::sqrt(fans_of(parameters["weight"]).in), numbers);
      else
        tensor.zero_();
    }
  }
  return index;
}

std::vector<Row> init_rows() { return rows_of(kInits); }

}  // namespace medsweep::models
