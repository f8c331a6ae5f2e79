#include "sweeps/ensembles.h"

#include <algorithm>
#include <array>

namespace medsweep::sweeps {
namespace {

constexpr std::array<std::string_view, 4> kEnsembleKeys{"name", "over", "method", "minimum_votes"};
constexpr std::array<std::string_view, 3> kOver{"dataset", "fold", "seed"};

/// A string of the table, or "" and a problem.
std::string ensemble_text(const Value& table, std::string_view key, Problems& problems) {
  const Value* value = table.find(key);
  if (value != nullptr && value->string() != nullptr && !value->string()->empty())
    return *value->string();
  problems.add(value != nullptr ? value->at : table.at, "[ensemble] {} is {}; a string is allowed",
               key, value != nullptr ? type_name(*value) : "missing");
  return "";
}

void check_row(const Value& table, std::string_view key, const std::string& name,
               const std::vector<std::string_view>& known, Findings& findings) {
  if (name.empty() || known.empty() || std::ranges::find(known, name) != known.end()) return;
  findings.problems.add(table.find(key)->at, "[ensemble] unknown {} '{}'{}", key, name,
                        suggestion(name, known));
}

std::vector<std::string_view> method_names(const Schema& schema) {
  std::vector<std::string_view> names;
  if (const auto kind = schema.kinds.find("ensemble"); kind != schema.kinds.end())
    for (const NamedRow& named : kind->second.rows) names.push_back(named.row.name);
  return names;
}

Ensemble read_ensemble(const Value& table, const Schema& schema, Findings& findings) {
  Problems& problems = findings.problems;
  check_keys(*table.table(), "ensemble", kEnsembleKeys, problems);
  Ensemble ensemble{ensemble_text(table, "name", problems), ensemble_text(table, "over", problems),
                    ensemble_text(table, "method", problems)};
  check_row(table, "over", ensemble.over, {kOver.begin(), kOver.end()}, findings);
  check_row(table, "method", ensemble.method, method_names(schema), findings);
  const Value* votes = table.find("minimum_votes");
  if (votes == nullptr) return ensemble;
  if (votes->integer() == nullptr || *votes->integer() < 0)
    problems.add(votes->at, "[ensemble] minimum_votes = {}; an integer from 0 is allowed",
                 plain_text(*votes));
  else if (ensemble.method != "vote")
    problems.add(votes->at, "[ensemble] minimum_votes of the method '{}'; of vote it is allowed",
                 ensemble.method);
  else
    ensemble.minimum_votes = *votes->integer();
  return ensemble;
}

}  // namespace

std::vector<Ensemble> read_ensembles(const Value& document, const Schema& schema,
                                     Findings& findings) {
  std::vector<Ensemble> ensembles;
  const Value* value = document.find("ensemble");
  if (value == nullptr) return ensembles;
  for (const Value& one : value->array() ? *value->array() : Array{*value}) {
    if (one.table() == nullptr) {
      findings.problems.add(one.at, "[[ensemble]] is {}; tables are allowed", type_name(one));
      continue;
    }
    Ensemble ensemble = read_ensemble(one, schema, findings);
    if (!ensemble.name.empty() &&
        std::ranges::find(ensembles, ensemble.name, &Ensemble::name) != ensembles.end())
      findings.problems.add(one.at, "[ensemble] name '{}' twice; different names are allowed",
                            ensemble.name);
    ensembles.push_back(std::move(ensemble));
  }
  return ensembles;
}

}  // namespace medsweep::sweeps
