#pragma once

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "results/record.h"
#include "runner/distributed/communicator.h"

namespace medsweep::runner {

/// An error that is thrown on all ranks of a group at the same point: the trial has failed, the
/// group goes on with the next one. Any other exception leaves the ranks in different places.
class GroupError : public std::runtime_error {
 public:
  GroupError(results::FailureClass failure, const std::string& what,
             std::vector<std::string> samples = {})
      : std::runtime_error(what), failure_(failure), samples_(std::move(samples)) {}
  results::FailureClass failure() const { return failure_; }
  /// The samples at fault, where there are any.
  const std::vector<std::string>& samples() const { return samples_; }

 private:
  results::FailureClass failure_;
  std::vector<std::string> samples_;
};

/// A stop was asked for in the middle of work that can be left and done again.
class StopRequested : public std::exception {
 public:
  const char* what() const noexcept override { return "stopped"; }
};

/// What class an exception of one rank belongs to, and its text.
struct CaughtError {
  results::FailureClass failure = results::FailureClass::kBug;
  std::string text;
};

/// Of the exception that is being handled. Call inside a catch block.
CaughtError caught_error();

/// Runs `work` on all ranks, which must not call collectives in it, and agrees on the outcome:
/// where it throws on some rank, GroupError with the text of the first such rank is thrown on all;
/// StopRequested where nothing worse than that was thrown.
void on_all_ranks(Communicator& group, const std::function<void()>& work);

}  // namespace medsweep::runner
