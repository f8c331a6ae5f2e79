#include "runner/ensemble/ensemble_results.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "base/digest.h"
#include "base/host.h"
#include "datasets/data_file.h"
#include "results/journal.h"
#include "results/layout.h"
#include "results/record.h"

namespace medsweep::runner {
namespace {

using nlohmann::json;
using results::PlannedTrial;
using results::TableSpec;

constexpr std::size_t kIdentityDigits = 16;
constexpr const char* kEnsembleKey = "ensemble";

std::string_view method_name(EnsembleMethod method) {
  constexpr std::array<std::string_view, 3> kNames{"vote", "mean", "union"};
  return kNames[static_cast<std::size_t>(method)];
}

json row_knobs(const std::string& knobs) {
  const json all = json::parse(knobs);
  return all.value(kEnsembleKey, json());
}

json described(const TrialEnsemble& ensemble) {
  json text{{"method", method_name(ensemble.options().method)},
            {"trials", json::array()},
            {"identities", json::array()},
            {"checkpoints", json::array()}};
  if (ensemble.options().method == EnsembleMethod::kVote) text["minimum_votes"] = ensemble.votes();
  if (const auto objects = ensemble.options().objects)
    text["objects"] = *objects == ObjectsPerClass::kOne ? "one" : "many";
  for (const auto& member : ensemble.members()) {
    text["trials"].push_back(member->name());
    text["identities"].push_back(member->trial().identity);
    text["checkpoints"].push_back(checkpoint_of(member->trial().weights));
  }
  return text;
}

std::string data_digest(const std::filesystem::path& file) {
  return datasets::DataFile(file).digest();
}

/// Every number, as those of `dataset`.
std::vector<results::Record> value_records(const EvaluationScores& scores,
                                           results::ValueRecord value) {
  std::vector<results::Record> records;
  const auto add = [&](const auto& row) {
    value.class_name = row.class_name;
    value.metric = row.metric;
    value.value = row.value;
    records.push_back(results::record(value));
  };
  for (const CaseRows& rows : scores.cases) {
    value.sample = rows.name;
    for (const MetricRow& row : rows.rows) add(row);
  }
  value.sample.clear();  // pooled over all cases
  for (const SummaryRow& row : scores.pooled) add(row);
  return records;
}

void check_ensemble_name(const std::string& name, const std::string& study,
                         const std::filesystem::path& runs) {
  if (name.empty()) throw std::invalid_argument("[ensemble] --name is empty; any text is allowed");
  const results::Index index({runs});
  for (const results::TrialEntry& entry : index.trials())
    if (entry.study == study && entry.name == name && row_knobs(entry.knobs).is_null())
      throw std::invalid_argument(fmt::format(
          "[ensemble] '{}' is a trial of {}; a name of its own is allowed", name, study));
}

bool contains(const std::vector<std::string>& keys, const std::string& key) {
  return std::ranges::find(keys, key) != keys.end();
}

/// The ensemble as a trial of the table, or nothing where it does not belong there.
std::optional<PlannedTrial> planned_ensemble(const EnsembleRow& ensemble, TableSpec& spec,
                                             const std::vector<PlannedTrial>& trials) {
  std::vector<const PlannedTrial*> members;
  for (const std::string& identity : ensemble.members) {
    const auto member = std::ranges::find(trials, identity, &PlannedTrial::identity);
    if (member == trials.end() || !results::meets(*member, spec.where)) return std::nullopt;
    members.push_back(&*member);
  }
  PlannedTrial planned = *members.front();
  planned.identity = ensemble.identity;
  planned.name = ensemble.label;
  bool is_apart = false;
  for (auto& [axis, label] : planned.labels) {
    const bool is_shown =
        contains(spec.rows, axis) || contains(spec.columns, axis) || contains(spec.for_each, axis);
    const bool differs = std::ranges::any_of(members, [&, &axis = axis](const PlannedTrial* other) {
      return results::label_of(*other, axis) != results::label_of(*members.front(), axis);
    });
    if (!is_shown || !differs) continue;
    label = ensemble.label;
    is_apart = true;
  }
  if (is_apart) return planned;
  if (spec.rows.empty()) spec.rows = {kEnsembleKey};
  const std::string& key = spec.rows.front();
  std::string before = results::label_of(planned, key);
  std::erase_if(planned.labels, [&](const auto& entry) { return entry.first == key; });
  planned.labels.emplace_back(
      key, before.empty() ? ensemble.label : fmt::format("{} + {}", before, ensemble.label));
  return planned;
}

EnsembleRow row_of(const results::TrialEntry& entry, const json& knobs) {
  return {entry.trial,
          knobs.at("label"),
          knobs.at("identities"),
          entry.name,
          knobs.value("over", ""),
          knobs.at("method"),
          knobs.value("minimum_votes", std::int64_t{0}),
          knobs.value("checkpoints", std::vector<std::string>{})};
}

}  // namespace

std::string checkpoint_of(const std::filesystem::path& weights) {
  return weights.parent_path().filename().string();
}

std::string ensemble_identity(const TrialEnsemble& ensemble, const std::filesystem::path& data) {
  json text = described(ensemble);
  text.erase("trials");  // what they are called decides nothing
  return sha256_hex(text.dump() + data_digest(data)).substr(0, kIdentityDigits);
}

std::string record_ensemble(const TrialEnsemble& ensemble, const EnsembleName& name,
                            const std::vector<EnsembleScores>& scores,
                            const std::filesystem::path& runs) {
  const TrainedTrial& first = ensemble.members().front()->trial();
  check_ensemble_name(name.name, first.study, runs);
  const std::string identity = ensemble_identity(ensemble, scores.front().data);
  json knobs{{kEnsembleKey, described(ensemble)}};
  knobs[kEnsembleKey]["label"] = name.label;
  if (!name.over.empty()) knobs[kEnsembleKey]["over"] = name.over;
  knobs[kEnsembleKey]["data"] = scores.front().data.string();
  results::Journal journal(results::study_folder(runs, first.study), host_name());
  results::TrialRecord trial;
  trial.trial = identity;
  trial.name = name.name;
  trial.study = first.study;
  trial.knobs = knobs.dump();
  trial.seed = first.settings.seed;
  trial.fold = first.settings.fold;
  journal.append(results::record(trial));
  results::ValueRecord value;
  value.trial = identity;
  for (const EnsembleScores& one : scores) {
    value.split = one.split;
    value.dataset = one.dataset;
    journal.append(results::record(
        results::DataRecord{identity, one.dataset, one.data.string(), data_digest(one.data)}));
    journal.append_all(value_records(one.scores, value));
  }
  results::DoneRecord done;
  done.trial = identity;
  journal.append(results::record(done));
  journal.sync();
  return identity;
}

std::vector<EnsembleRow> ensembles_of(const std::string& study, const results::Index& index) {
  std::vector<std::pair<double, EnsembleRow>> heard;
  for (const results::TrialEntry& entry : index.trials()) {
    if (entry.study != study) continue;
    const json knobs = row_knobs(entry.knobs);
    if (knobs.is_null()) continue;
    const results::TrialProgress progress = index.progress(entry.trial);
    if (progress.state != results::TrialState::kDone) continue;
    heard.emplace_back(progress.last_heard, row_of(entry, knobs));
  }
  std::ranges::stable_sort(heard, {}, &std::pair<double, EnsembleRow>::first);
  std::vector<EnsembleRow> rows;
  for (auto& [time, row] : heard) rows.push_back(std::move(row));
  return rows;
}

void add_ensembles(const std::vector<EnsembleRow>& ensembles, TableSpec& spec,
                   std::vector<PlannedTrial>& trials) {
  if (ensembles.empty()) return;
  const std::vector<PlannedTrial> members = trials;
  if (spec.rows.empty())
    for (const std::string& axis : results::varying_axes(members))
      if (!contains(spec.columns, axis) && !contains(spec.for_each, axis))
        spec.rows.push_back(axis);
  for (const EnsembleRow& ensemble : ensembles)
    if (auto planned = planned_ensemble(ensemble, spec, members))
      trials.push_back(std::move(*planned));
}

}  // namespace medsweep::runner
