#include "runner/distributed/mpi_reduction.h"

#include <ATen/core/TensorBody.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "runner/distributed/mpi_channel.h"

namespace medsweep::runner {
namespace {

float widen(std::uint16_t bits) {
  const std::uint32_t word = std::uint32_t(bits) << 16;
  float value = 0;
  std::memcpy(&value, &word, sizeof(value));
  return value;
}

// Rounds to nearest even; a NaN stays one.
std::uint16_t narrow(float value) {
  std::uint32_t word = 0;
  std::memcpy(&word, &value, sizeof(word));
  if (value != value) return std::uint16_t((word >> 16) | 0x40);
  return std::uint16_t((word + 0x7fff + ((word >> 16) & 1)) >> 16);
}

template <typename Combine>
void combine_bfloat16(void* in, void* in_out, const int* count, Combine combine) {
  const auto* from = static_cast<const std::uint16_t*>(in);
  auto* to = static_cast<std::uint16_t*>(in_out);
  for (int i = 0; i < *count; ++i) to[i] = narrow(combine(widen(from[i]), widen(to[i])));
}

void add_bfloat16(void* in, void* in_out, int* count, MPI_Datatype*) {
  combine_bfloat16(in, in_out, count, [](float a, float b) { return a + b; });
}

void max_bfloat16(void* in, void* in_out, int* count, MPI_Datatype*) {
  combine_bfloat16(in, in_out, count, [](float a, float b) { return b != b || b > a ? b : a; });
}

MPI_Op make_operation(MPI_User_function* function) {
  MPI_Op operation = MPI_OP_NULL;
  check_mpi(MPI_Op_create(function, 1, &operation), "MPI_Op_create");
  return operation;
}

// Made once and kept until MPI ends.
MPI_Op bfloat16_operation(c10d::ReduceOp::RedOpType operation) {
  static const MPI_Op add = make_operation(add_bfloat16);
  static const MPI_Op max = make_operation(max_bfloat16);
  return operation == c10d::ReduceOp::MAX ? max : add;
}

MPI_Datatype mpi_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kBFloat16:
      return MPI_UINT16_T;
    case at::kInt:
      return MPI_INT32_T;
    case at::kLong:
      return MPI_INT64_T;
    default:
      return MPI_DATATYPE_NULL;
  }
}

MPI_Op mpi_operation(at::ScalarType type, c10d::ReduceOp::RedOpType operation) {
  if (type == at::kBFloat16) return bfloat16_operation(operation);
  return operation == c10d::ReduceOp::MAX ? MPI_MAX : MPI_SUM;
}

}  // namespace

void check_reducible(const at::Tensor& tensor, c10d::ReduceOp::RedOpType operation) {
  if (mpi_type(tensor.scalar_type()) == MPI_DATATYPE_NULL)
    throw std::invalid_argument(fmt::format(
        "[distributed.all_reduce] {}; float, double, bfloat16, int and long are allowed",
        c10::toString(tensor.scalar_type())));
  if (operation != c10d::ReduceOp::SUM && operation != c10d::ReduceOp::AVG &&
      operation != c10d::ReduceOp::MAX)
    throw std::invalid_argument(
        fmt::format("[distributed.all_reduce] operation {}; sum, average and maximum are allowed",
                    int(operation)));
  if (operation == c10d::ReduceOp::AVG && !tensor.is_floating_point())
    throw std::invalid_argument(
        fmt::format("[distributed.all_reduce] average of {}; floating types are allowed",
                    c10::toString(tensor.scalar_type())));
}

void all_reduce_in_place(at::Tensor& tensor, c10d::ReduceOp::RedOpType operation, MPI_Comm comm,
                         const std::function<void(MPI_Request&)>& complete) {
  check_reducible(tensor, operation);
  const MPI_Datatype type = mpi_type(tensor.scalar_type());
  const MPI_Op mpi = mpi_operation(tensor.scalar_type(), operation);
  const std::int64_t size = std::int64_t(tensor.element_size());
  const std::int64_t piece = kPieceBytes / size;
  auto* data = static_cast<char*>(tensor.data_ptr());
  for (std::int64_t first = 0; first < tensor.numel(); first += piece) {
    const int count = int(std::min(piece, tensor.numel() - first));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, data + first * size, count, type, mpi, comm, &request),
              "MPI_Iallreduce");
    complete(request);
  }
  if (operation != c10d::ReduceOp::AVG) return;
  int ranks = 1;
  check_mpi(MPI_Comm_size(comm, &ranks), "MPI_Comm_size");
  tensor.div_(ranks);
}

}  // namespace medsweep::runner
