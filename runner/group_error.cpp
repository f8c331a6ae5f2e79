#include "runner/group_error.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <array>
#include <new>
#include <optional>

namespace medsweep::runner {
namespace {

using results::FailureClass;

constexpr std::string_view kTorchOutOfMemory = "DefaultCPUAllocator: can't allocate memory";

}  // namespace

CaughtError caught_error() {
  try {
    throw;
  } catch (const GroupError& error) {
    return {error.failure(), error.what()};
  } catch (const std::bad_alloc&) {
    return {FailureClass::kOutOfMemory,
            "out of memory; a smaller batch_size, micro_batch_size or patch helps"};
  } catch (const c10::OutOfMemoryError& error) {
    return {FailureClass::kOutOfMemory, error.what_without_backtrace()};
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    const bool memory = text.find(kTorchOutOfMemory) != std::string::npos;
    return {memory ? FailureClass::kOutOfMemory : FailureClass::kBug, text};
  } catch (const std::invalid_argument& error) {
    return {FailureClass::kBadData, error.what()};
  } catch (const std::runtime_error& error) {
    return {FailureClass::kBadData, error.what()};
  } catch (const std::exception& error) {
    return {FailureClass::kBug, error.what()};
  }
}

void on_all_ranks(Communicator& group, const std::function<void()>& work) {
  std::optional<CaughtError> error;
  bool stopped = false;
  try {
    work();
  } catch (const StopRequested&) {
    stopped = true;
  } catch (...) {
    error = caught_error();
  }
  // The lowest rank with an error speaks: largest of (ranks - rank), 0 without one.
  std::array<double, 2> outcome{error ? static_cast<double>(group.size() - group.rank()) : 0.0,
                                stopped ? 1.0 : 0.0};
  group.all_reduce_max(outcome);
  const auto [speaker, any_stopped] = outcome;
  if (speaker == 0.0 && any_stopped != 0.0) throw StopRequested();
  if (speaker == 0.0) return;
  const int root = group.size() - static_cast<int>(speaker);
  const CaughtError own = error.value_or(CaughtError{});
  const std::string text = group.broadcast(own.text, root);
  const int failure =
      std::stoi(group.broadcast(std::to_string(static_cast<int>(own.failure)), root));
  throw GroupError(static_cast<FailureClass>(failure), text);
}

}  // namespace medsweep::runner
