#include "models/attention/blocked_attention.h"

#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace medsweep::models {
namespace {

constexpr std::int64_t kBlockNumbers = std::int64_t{1} << 22;

std::int64_t queries_per_block(const torch::Tensor& query, const torch::Tensor& key) {
  const std::int64_t per_query = std::max<std::int64_t>(1, query.size(0) * key.size(1));
  return std::max<std::int64_t>(1, kBlockNumbers / per_query);
}

// Of queries first ... first + count: [B, count, M].
torch::Tensor block_logits(const Attended& input, std::int64_t first, std::int64_t count) {
  torch::Tensor logits = torch::bmm(input.query.narrow(1, first, count), input.key.transpose(1, 2));
  if (!input.rows.defined()) return logits;
  const std::int64_t height = input.rows.size(2), width = input.columns.size(2);
  torch::Tensor map = logits.view({logits.size(0), count, height, width});
  map += input.rows.narrow(1, first, count).unsqueeze(3);
  map += input.columns.narrow(1, first, count).unsqueeze(2);
  return logits;
}

struct BlockedAttention : torch::autograd::Function<BlockedAttention> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& query, const torch::Tensor& key,
                               const torch::Tensor& value, const std::optional<torch::Tensor>& rows,
                               const std::optional<torch::Tensor>& columns) {
    const Attended input{query, key, value, rows.value_or(torch::Tensor()),
                         columns.value_or(torch::Tensor())};
    torch::Tensor output = torch::empty({query.size(0), query.size(1), value.size(2)},
                                        value.options().requires_grad(false));
    torch::Tensor norms = torch::empty({query.size(0), query.size(1), 1}, query.options());
    const std::int64_t step = queries_per_block(query, key);
    for (std::int64_t first = 0; first < query.size(1); first += step) {
      const std::int64_t count = std::min(step, query.size(1) - first);
      torch::Tensor weights = block_logits(input, first, count);
      const torch::Tensor norm = torch::logsumexp(weights, 2, true);
      norms.narrow(1, first, count).copy_(norm);
      weights.sub_(norm).exp_();
      output.narrow(1, first, count).copy_(torch::bmm(weights.to(value.scalar_type()), value));
    }
    context->save_for_backward({query, key, value, input.rows, input.columns, output, norms});
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Attended input{saved[0], saved[1], saved[2], saved[3], saved[4]};
    const torch::Tensor gradient = gradients[0].to(input.value.scalar_type());
    Attended result{torch::empty_like(input.query),
                    torch::zeros_like(input.key),
                    torch::zeros_like(input.value, input.query.options()),
                    {},
                    {}};
    if (input.rows.defined()) {
      result.rows = torch::empty_like(input.rows);
      result.columns = torch::empty_like(input.columns);
    }
    const torch::Tensor means = (gradient.to(input.query.scalar_type()) * saved[5])
                                    .to(input.query.scalar_type())
                                    .sum(2, true);  // [B, N, 1]
    const std::int64_t step = queries_per_block(input.query, input.key);
    for (std::int64_t first = 0; first < input.query.size(1); first += step) {
      const std::int64_t count = std::min(step, input.query.size(1) - first);
      const torch::Tensor weights =
          block_logits(input, first, count).sub_(saved[6].narrow(1, first, count)).exp_();
      const torch::Tensor block = gradient.narrow(1, first, count);
      result.value += torch::bmm(weights.to(block.scalar_type()).transpose(1, 2), block);
      torch::Tensor slopes =
          torch::bmm(block, input.value.transpose(1, 2)).to(weights.scalar_type());
      slopes.sub_(means.narrow(1, first, count)).mul_(weights);
      add_block(input, slopes, first, result);
    }
    return {result.query, result.key, result.value.to(input.value.scalar_type()), result.rows,
            result.columns};
  }

  // slopes: [B, count, M], the loss by the logits.
  static void add_block(const Attended& input, const torch::Tensor& slopes, std::int64_t first,
                        Attended& result) {
    const std::int64_t count = slopes.size(1);
    result.query.narrow(1, first, count).copy_(torch::bmm(slopes, input.key));
    result.key.baddbmm_(slopes.transpose(1, 2), input.query.narrow(1, first, count));
    if (!input.rows.defined()) return;
    const torch::Tensor map =
        slopes.view({slopes.size(0), count, input.rows.size(2), input.columns.size(2)});
    result.rows.narrow(1, first, count).copy_(map.sum(3));
    result.columns.narrow(1, first, count).copy_(map.sum(2));
  }
};

void check_attended(const Attended& input) {
  const auto& [query, key, value, rows, columns] = input;
  bool fits = query.dim() == 3 && key.dim() == 3 && value.dim() == 3 &&
              query.size(0) == key.size(0) && key.size(0) == value.size(0) &&
              query.size(2) == key.size(2) && key.size(1) == value.size(1) && key.size(1) > 0 &&
              rows.defined() == columns.defined();
  if (fits && rows.defined())
    fits = rows.dim() == 3 && columns.dim() == 3 && rows.size(1) == query.size(1) &&
           columns.size(1) == query.size(1) && rows.size(0) == query.size(0) &&
           columns.size(0) == query.size(0) && rows.size(2) * columns.size(2) == key.size(1);
  if (!fits)
    throw std::invalid_argument(fmt::format(
        "[attention] queries {}, keys {}, values {} and what is added per row and column do not "
        "fit; B x N x D, B x M x D, B x M x E, B x N x H and B x N x W with H W = M > 0 are "
        "allowed",
        fmt::join(query.sizes(), "x"), fmt::join(key.sizes(), "x"), fmt::join(value.sizes(), "x")));
}

}  // namespace

torch::Tensor attend(const Attended& input) {
  check_attended(input);
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto given = [](const torch::Tensor& added) {
    return added.defined() ? std::optional(added) : std::nullopt;
  };
  return BlockedAttention::apply(input.query, input.key, input.value, given(input.rows),
                                 given(input.columns));
}

}  // namespace medsweep::models
