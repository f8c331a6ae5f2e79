#include "runner/training_step.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "models/layers/batch_norm.h"
#include "runner/group_error.h"

namespace medsweep::runner {
namespace {

std::string lines_of(const std::vector<std::string>& texts) {
  return fmt::format("{}", fmt::join(texts, "\n"));
}

std::vector<std::string> non_empty_lines(const std::vector<std::string>& texts) {
  std::vector<std::string> lines;
  for (const std::string& text : texts) {
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
      if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

models::LossWeights weights_of(const models::Losses& losses) {
  models::LossWeights weights;
  for (const auto& [name, loss] : losses) weights[name] = loss.weight;
  return weights;
}

}  // namespace

struct TrainingStep::Agreement {
  bool stop = false;
  bool several_pieces = false;  // on some rank
  std::int64_t samples = 0;
  models::LossWeights weights;  // empty where they are not known yet
};

TrainingStep::TrainingStep(models::Model& model, Communicator& group, GradientReducer& reducer,
                           std::int64_t micro_batch_size)
    : model_(model),
      group_(group),
      reducer_(reducer),
      micro_batch_size_(micro_batch_size),
      weights_follow_from_targets_(model.loss_weights(datasets::collate({})).has_value()) {}

std::vector<datasets::Batch> TrainingStep::pieces(const datasets::LoadedBatch& loaded) const {
  std::vector<datasets::Batch> pieces;
  for (const auto& [first, last] : loaded.shards) {
    const std::int64_t size =
        micro_batch_size_ > 0 ? micro_batch_size_ : std::max<std::int64_t>(last - first, 1);
    // A shard without samples still takes part: its batch normalisation joins the collectives.
    std::int64_t start = first;
    do {
      pieces.push_back(datasets::slice(loaded.batch, start, std::min(start + size, last)));
      start += size;
    } while (start < last);
  }
  return pieces;
}

TrainingStep::Agreement TrainingStep::agree(const NextBatch& next, bool stop_here,
                                            datasets::LoadedBatch& loaded) {
  models::LossWeights weights;
  if (weights_follow_from_targets_) weights = model_.loss_weights(datasets::collate({})).value();
  // An error on one rank must reach all of them: the others would wait for it in a collective.
  on_all_ranks(group_, [&] {
    if (stop_here) return;
    loaded = next();
    if (weights_follow_from_targets_) weights = model_.loss_weights(loaded.batch).value();
  });
  std::vector<double> values{stop_here ? 1.0 : 0.0, pieces(loaded).size() > 1 ? 1.0 : 0.0,
                             static_cast<double>(loaded.batch.size())};
  for (const auto& [name, weight] : weights) values.push_back(weight);
  group_.all_reduce_sum(values);
  Agreement agreement{values[0] > 0, values[1] > 0, static_cast<std::int64_t>(values[2]), weights};
  std::size_t i = 3;
  for (auto& [name, weight] : agreement.weights) weight = values[i++];
  return agreement;
}

models::LossWeights TrainingStep::over_all_ranks(models::LossWeights own) {
  std::vector<double> values;
  for (const auto& [name, value] : own) values.push_back(value);
  group_.all_reduce_sum(values);
  std::size_t i = 0;
  for (auto& [name, value] : own) value = values[i++];
  return own;
}

models::LossWeights TrainingStep::tried_weights(const std::vector<datasets::Batch>& pieces) {
  const models::StatisticsGuard unchanged(model_);
  models::LossWeights weights;
  // With gradients on, though no backward follows: the same kernels as the second time, so that
  // rounding cannot choose other regions.
  for (const datasets::Batch& piece : pieces)
    for (const auto& [name, weight] : weights_of(model_.loss(piece))) weights[name] += weight;
  return weights;
}

models::LossWeights TrainingStep::backward(const std::vector<datasets::Batch>& pieces,
                                           const std::optional<models::Losses>& losses,
                                           const models::LossWeights& weights) {
  models::LossWeights sums;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    torch::Tensor total;
    for (const auto& [name, loss] : losses ? *losses : model_.loss(pieces[i])) {
      // A batch without a single counted pixel has weight 0 and sum 0.
      const double weight = weights.at(name);
      const torch::Tensor mean = loss.sum / (weight > 0 ? weight : 1.0);
      total = total.defined() ? total + mean : mean;
      sums[name] += loss.sum.item<double>();
    }
    if (i + 1 == pieces.size()) reducer_.prepare(total);
    total.backward();
  }
  reducer_.finish();
  return sums;
}

void TrainingStep::check_finite(const models::LossWeights& sums, const models::LossWeights& own,
                                const datasets::Batch& batch) {
  const auto finite = [](const models::LossWeights& values) {
    return std::ranges::all_of(values, [](const auto& pair) { return std::isfinite(pair.second); });
  };
  if (finite(sums)) return;
  std::vector<std::string> names;
  if (!finite(own))
    for (const auto& sample : batch.samples) names.push_back(sample.name);
  const auto samples =
      non_empty_lines({group_.broadcast(lines_of(group_.gather(lines_of(names))))});
  throw GroupError(results::FailureClass::kNotANumber,
                   fmt::format("[training] the loss is not finite on {}; a smaller learning rate, "
                               "gradient_clip or precision = \"fp32\" may help",
                               fmt::join(samples, ", ")),
                   samples);
}

StepResult TrainingStep::run(const NextBatch& next, bool stop_here) {
  datasets::LoadedBatch loaded;
  Agreement agreement = agree(next, stop_here, loaded);
  if (agreement.stop) return {.stop = true};
  const std::vector<datasets::Batch> parts = pieces(loaded);
  std::optional<models::Losses> losses;
  if (!weights_follow_from_targets_) {
    if (!agreement.several_pieces) losses = model_.loss(parts.front());
    agreement.weights = over_all_ranks(losses ? weights_of(*losses) : tried_weights(parts));
  }
  const models::LossWeights own = backward(parts, losses, agreement.weights);
  const models::LossWeights sums = over_all_ranks(own);
  check_finite(sums, own, loaded.batch);
  StepResult result{.samples = agreement.samples};
  for (const auto& [name, sum] : sums) {
    const double mean = agreement.weights.at(name) > 0 ? sum / agreement.weights.at(name) : 0.0;
    result.losses[name] = mean;
    result.losses["total"] += mean;
  }
  return result;
}

}  // namespace medsweep::runner
