#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/loader.h"
#include "models/model.h"
#include "runner/distributed/communicator.h"
#include "runner/distributed/gradient_reducer.h"

namespace medsweep::runner {

/// What a step did, over all ranks of the group.
struct StepResult {
  bool stop = false;                       ///< some rank wants to stop: nothing was computed
  std::map<std::string, double> losses{};  ///< mean of each loss, and "total"
  std::int64_t samples = 0;
};

/// Forward and backward of one global batch: leaves in the parameters the gradient of
/// sum over losses (sum over ranks of sums / sum over ranks of weights).
///
/// Two small collectives frame the work: what the ranks must agree on before (stop, errors in
/// reading, the losses' weights) and after (the losses' values, whether they are finite). Where the
/// weights are known only after the forward pass, a third one between forward and backward sums
/// them. If then any rank has several pieces, all ranks compute every piece's forward twice: once
/// for its weights alone, its graph dropped and the running statistics put back, and once for its
/// backward. So no more than the graph of one piece is ever held.
class TrainingStep {
 public:
  using NextBatch = std::function<datasets::LoadedBatch()>;

  /// Each of a rank's logical shards is taken by itself, in pieces of at most `micro_batch_size`
  /// samples (0: whole).
  TrainingStep(models::Model& model, Communicator& group, GradientReducer& reducer,
               std::int64_t micro_batch_size);

  /// `next` reads this rank's part. Throws GroupError: bad data with the text of the first rank
  /// that could not read; a loss that is not finite, with the samples of the ranks where it is not,
  /// before any weight was changed.
  StepResult run(const NextBatch& next, bool stop_here);

 private:
  struct Agreement;
  std::vector<datasets::Batch> pieces(const datasets::LoadedBatch& loaded) const;
  Agreement agree(const NextBatch& next, bool stop_here, datasets::LoadedBatch& loaded);
  models::LossWeights over_all_ranks(models::LossWeights own);
  /// The summed weights of this rank's pieces, by forwards that leave no trace in the model.
  models::LossWeights tried_weights(const std::vector<datasets::Batch>& pieces);
  /// The sums of this rank's losses. `losses`: of the one piece, where they were computed before.
  models::LossWeights backward(const std::vector<datasets::Batch>& pieces,
                               const std::optional<models::Losses>& losses,
                               const models::LossWeights& weights);
  void check_finite(const models::LossWeights& sums, const models::LossWeights& own,
                    const datasets::Batch& batch);

  models::Model& model_;
  Communicator& group_;
  GradientReducer& reducer_;
  std::int64_t micro_batch_size_;
  bool weights_follow_from_targets_;
};

}  // namespace medsweep::runner
