#include "runner/ensemble/make_ensembles.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "results/layout.h"
#include "runner/claim.h"
#include "runner/distributed/signals.h"
#include "runner/group_error.h"
#include "runner/trial_data.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

/// The set of all members' that none of them was trained on; nothing where there is none.
const EvaluationSet* own_samples(const TrialData& data, const std::string& over) {
  if (over == "dataset") return nullptr;
  for (const EvaluationSet& set : data.test)
    if (set.dataset.empty()) return &set;
  return over == "seed" && !data.validation.empty() ? &data.validation.front() : nullptr;
}

/// Samples, and what their numbers are called.
struct NamedSamples {
  EnsembleScores called;
  JudgedSamples samples;
};

/// Everything that the ensemble is judged by; files only where there are any.
std::vector<NamedSamples> all_samples(const TrialEnsemble& together, const std::string& over) {
  const TrialSettings& settings = together.members().front()->trial().settings;
  std::vector<NamedSamples> all;
  const TrialData data = over == "dataset" ? TrialData() : open_trial_data(settings);
  if (const EvaluationSet* own = own_samples(data, over))
    all.push_back({{"", settings.dataset.front().file, {}, own->split}, {data.pool, own->samples}});
  for (const std::string& file : settings.evaluate.datasets)
    all.push_back(
        {{fs::path(file).filename().string(), file, {}}, together.labelled_samples(file)});
  return all;
}

/// Whether a stop signal came to any rank; from then on all of them know it. Collective.
bool agreed_stop(Communicator& world) {
  std::array<double, 1> signal{static_cast<double>(stop_signal())};
  world.all_reduce_max(signal);
  if (signal[0] == 0.0) return false;
  request_stop(static_cast<int>(signal[0]));
  return true;
}

/// An ensemble that is left, and the weights of its trials.
struct LeftEnsemble {
  std::size_t number;
  std::vector<std::string> weights;
};

/// As rank 0 sees the results: what all ranks are to make. Collective.
std::vector<LeftEnsemble> left_ensembles(const std::vector<StudyEnsemble>& ensembles,
                                         const StandingQuery& query, Communicator& world,
                                         MadeEnsembles& outcome) {
  nlohmann::json left = nlohmann::json::array();
  on_all_ranks(world, [&] {
    if (world.rank() != 0) return;
    const auto standings = standings_of(ensembles, query, results::Index(query.runs));
    for (std::size_t i = 0; i < ensembles.size(); ++i) {
      if (standings[i].state == EnsembleState::kWaiting)
        outcome.remarks.push_back(
            fmt::format("ensemble {} is not made: {}", ensembles[i].name.name, standings[i].why));
      if (standings[i].state != EnsembleState::kLeft) continue;
      std::vector<std::string> weights(standings[i].weights.begin(), standings[i].weights.end());
      left.push_back({{"number", i}, {"weights", weights}});
    }
  });
  std::vector<LeftEnsemble> out;
  for (const auto& one : nlohmann::json::parse(world.broadcast(left.dump())))
    out.push_back({one.at("number"), one.at("weights")});
  return out;
}

/// One ensemble on its way from trained trials to a row.
class Making {
 public:
  Making(const StudyEnsemble& ensemble, const StandingQuery& query, Communicator& world)
      : ensemble_(ensemble), query_(query), world_(world) {}

  /// False where another sweep is making it, or has just made it. Collective; throws GroupError.
  bool make(const std::vector<std::string>& weights) {
    std::unique_ptr<TrialEnsemble> together;
    std::string taken;
    on_all_ranks(world_, [&] {
      together = std::make_unique<TrialEnsemble>(
          put_together(ensemble_, query_.study, {weights.begin(), weights.end()}));
      if (world_.rank() == 0 && take(*together)) taken = "yes";
    });
    if (world_.broadcast(taken).empty()) return false;
    const auto scores = judge(ensemble_, *together, {world_, [] { return stop_signal() != 0; }});
    on_all_ranks(world_, [&] {
      if (world_.rank() == 0)
        record_ensemble(*together, ensemble_.name, scores, query_.runs.front());
    });
    return true;
  }

 private:
  /// On rank 0.
  bool take(const TrialEnsemble& together) {
    const fs::path data =
        judging_file(together.members().front()->trial().settings, ensemble_.how.over);
    claim_ =
        Claim::take(results::trial_folder(results::study_folder(query_.runs.front(), query_.study),
                                          ensemble_identity(together, data)));
    if (!claim_) return false;
    const auto standings = standings_of({ensemble_}, query_, results::Index(query_.runs));
    return standings.front().state == EnsembleState::kLeft;
  }

  const StudyEnsemble& ensemble_;
  const StandingQuery& query_;
  Communicator& world_;
  std::unique_ptr<Claim> claim_;
};

}  // namespace

TrialEnsemble put_together(const StudyEnsemble& ensemble, const std::string& study,
                           const std::vector<fs::path>& weights) {
  std::vector<TrainedTrial> trials;
  for (std::size_t i = 0; i < ensemble.trials.size(); ++i) {
    const sweeps::Trial& trial = ensemble.trials[i];
    trials.push_back({study, trial.name, trial.identity, read_settings(trial), weights.at(i)});
  }
  TrialEnsembleOptions options;
  options.method = ensemble_method(ensemble.how.method);
  options.minimum_votes = ensemble.how.minimum_votes;
  return TrialEnsemble(trials, options);
}

std::vector<EnsembleScores> judge(const StudyEnsemble& ensemble, const TrialEnsemble& together,
                                  const JudgingSite& site) {
  std::vector<NamedSamples> all;
  on_all_ranks(site.group, [&] { all = all_samples(together, ensemble.how.over); });
  std::vector<EnsembleScores> scores;
  for (const NamedSamples& one : all) {
    scores.push_back(one.called);
    scores.back().scores = together.evaluate(one.samples, site);
  }
  return scores;
}

MadeEnsembles make_ensembles(const FrozenStudy& study, const std::vector<fs::path>& runs,
                             Communicator& world) {
  MadeEnsembles outcome;
  const auto ensembles = study_ensembles(study.ensembles, study.trials);
  if (ensembles.empty()) return outcome;
  const StandingQuery query{study.name, runs};
  for (const LeftEnsemble& left : left_ensembles(ensembles, query, world, outcome)) {
    const StudyEnsemble& ensemble = ensembles.at(left.number);
    std::string remark;
    try {
      outcome.stopped = agreed_stop(world);
      if (outcome.stopped) return outcome;
      if (!Making(ensemble, query, world).make(left.weights))
        remark = "another sweep is making it or has made it";
    } catch (const StopRequested&) {
      outcome.stopped = agreed_stop(world);
      return outcome;
    } catch (const GroupError& error) {
      outcome.stopped = agreed_stop(world);
      if (outcome.stopped) return outcome;
      remark = error.what();
      ++outcome.failed;
    }
    if (world.rank() == 0 && !remark.empty())
      outcome.remarks.push_back(
          fmt::format("ensemble {} is not made: {}", ensemble.name.name, remark));
  }
  return outcome;
}

}  // namespace medsweep::runner
