#pragma once

#include <torch/types.h>

namespace medsweep::models {

/// What `attend` reads. All float32 but `value`, which may be bfloat16 too.
struct Attended {
  torch::Tensor query;      ///< [B, N, D], already divided by what the logits are to be divided by
  torch::Tensor key;        ///< [B, M, D]
  torch::Tensor value;      ///< [B, M, E]
  torch::Tensor rows{};     ///< [B, N, H]: added to the logits of all keys in row y ...
  torch::Tensor columns{};  ///< [B, N, W]: ... and in column x, where key y W + x is (y, x), H W =
                            ///< M; both undefined: nothing is added
};

/// For each query the mean of the values with the weights softmax(query key^T + rows + columns):
/// [B, N, E] of the values' type, differentiable once in all five.
///
/// The N x M weights never exist whole: blocks of queries are taken one after the other, so that a
/// block's weights stay below 16 MiB (but hold one query of each B), and are computed again in
/// backward. Kept for backward: the inputs, the output and one number per query. The arithmetic is
/// of order B N M (D + E) all the same: 40,000 positions take 1.6e9 weights.
/// Milakov, Gimelshein, arXiv 1805.02867; Dao et al., NeurIPS 2022 (arXiv 2205.14135).
///
/// Throws std::invalid_argument when the shapes do not fit.
torch::Tensor attend(const Attended& input);

}  // namespace medsweep::models
