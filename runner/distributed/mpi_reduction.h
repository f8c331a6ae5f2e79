#pragma once

#include <ATen/core/Tensor.h>
#include <mpi.h>

#include <functional>
#include <torch/csrc/distributed/c10d/Types.hpp>

namespace medsweep::runner {

/// An all-reduce is cut into pieces of at most this many bytes: MPI allocates a buffer of the size
/// of each call, whose page faults and cache misses rule the time of larger ones.
inline constexpr std::int64_t kPieceBytes = 4 << 20;

/// Reduces `tensor` over the ranks of `comm`, in place: sum, average or maximum of float, double,
/// bfloat16 (added in float, rounded once per pair), int32 and int64.
///
/// tensor: contiguous, on the CPU. The result is the same, bit for bit, on every rank.
/// complete: returns when the request that it is given is done; it is called once a piece.
/// Throws std::invalid_argument for another type or operation.
void all_reduce_in_place(at::Tensor& tensor, c10d::ReduceOp::RedOpType operation, MPI_Comm comm,
                         const std::function<void(MPI_Request&)>& complete);

/// Throws std::invalid_argument unless all_reduce_in_place takes it.
void check_reducible(const at::Tensor& tensor, c10d::ReduceOp::RedOpType operation);

}  // namespace medsweep::runner
