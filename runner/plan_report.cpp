#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runner/plan.h"

namespace medsweep::runner {
namespace {

using Json = nlohmann::ordered_json;

std::string bytes_text(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 1e9) return fmt::format("{:.1f} GB", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.1f} kB", value / 1e3);
}

std::string count_text(const std::optional<std::int64_t>& count) {
  if (!count) return "unknown";
  const std::string digits = std::to_string(*count);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string parameters_text(const TrialCost& cost) {
  if (cost.frozen == 0) return count_text(cost.parameters);
  return fmt::format("{} ({} frozen)", count_text(cost.parameters), count_text(cost.frozen));
}

std::string_view source_text(HoursSource source) {
  switch (source) {
    case HoursSource::kEarlierRuns:
      return "earlier runs";
    case HoursSource::kProbe:
      return "probe";
    case HoursSource::kUnknown:
      break;
  }
  return "unknown";
}

std::string hours_text(const TrialCost& cost) {
  return cost.hours ? fmt::format("{:.2f} h ({})", *cost.hours, source_text(cost.source))
                    : "unknown";
}

std::string trials_text(const sweeps::Study& study, const StudyPlan& plan) {
  std::size_t width = 5;
  for (const auto& trial : study.trials) width = std::max(width, trial.name.size());
  std::string text = fmt::format("{:<{}}  {:<16}  {:>12}  {:>11}  {}\n", "trial", width, "identity",
                                 "parameters", "memory/rank", "hours");
  for (std::size_t i = 0; i < study.trials.size(); ++i) {
    const TrialCost& cost = plan.costs[i];
    text += fmt::format("{:<{}}  {:<16}  {:>12}  {:>11}  {}\n", study.trials[i].name, width,
                        study.trials[i].identity, parameters_text(cost),
                        cost.memory_bytes ? bytes_text(*cost.memory_bytes) : "unknown",
                        hours_text(cost));
  }
  return text;
}

std::string total_text(const sweeps::Study& study, const StudyPlan& plan) {
  double hours = 0;
  const bool known =
      std::ranges::all_of(plan.costs, [](const auto& cost) { return cost.hours.has_value(); });
  for (const TrialCost& cost : plan.costs) hours += cost.hours.value_or(0);
  std::string text = fmt::format("{} trials", study.trials.size());
  if (study.collapsed > 0) text += fmt::format(", {} equal ones left out", study.collapsed);
  if (!study.excluded.empty()) text += fmt::format(", {} excluded", study.excluded.size());
  text += known && !plan.costs.empty() ? fmt::format("; {:.2f} h one after the other", hours)
                                       : "; hours unknown (--probe times a few steps)";
  if (plan.checkpoint_bytes > 0)
    text += fmt::format("; checkpoints {}", bytes_text(plan.checkpoint_bytes));
  return text + "\n";
}

Json cost_json(const TrialCost& cost) {
  const auto number = [](const auto& value) { return value ? Json(*value) : Json(); };
  return {{"parameters", number(cost.parameters)},
          {"frozen", cost.frozen},
          {"memory_bytes", number(cost.memory_bytes)},
          {"hours", number(cost.hours)},
          {"hours_from", source_text(cost.source)}};
}

}  // namespace

std::string plan_text(const sweeps::Study& study, const StudyPlan& plan) {
  // A study with unknown names says which they are and nothing else.
  if (!study.unknown.empty())
    return fmt::format("{}: names that this version does not know:\n  {}\n", study.name,
                       fmt::join(study.unknown, "\n  "));
  std::string text = study.title.empty() ? fmt::format("{}\n", study.name)
                                         : fmt::format("{}: {}\n", study.name, study.title);
  for (const std::string& note : study.notes) text += fmt::format("note: {}\n", note);
  text += fmt::format("\n{}\n{}", trials_text(study, plan), total_text(study, plan));
  for (const PlannedEnsemble& ensemble : plan.ensembles)
    text += fmt::format("ensemble {}: {} of {} trials, made when they are finished\n",
                        ensemble.name, ensemble.method, ensemble.trials.size());
  for (const PlannedFile& file : plan.files)
    text +=
        fmt::format("reads {} ({})\n", file.path, file.bytes ? bytes_text(*file.bytes) : "missing");
  for (const std::string& missing : study.missing) text += fmt::format("missing: {}\n", missing);
  for (const sweeps::Excluded& excluded : study.excluded)
    text += fmt::format("excluded {}: {}\n", excluded.name, excluded.reason);
  return text;
}

Json plan_json(const sweeps::Study& study, const StudyPlan& plan) {
  Json json{{"study", study.name},
            {"title", study.title},
            {"unknown", study.unknown},
            {"missing", study.missing},
            {"notes", study.notes},
            {"collapsed", study.collapsed},
            {"checkpoint_bytes", plan.checkpoint_bytes},
            {"trials", Json::array()},
            {"ensembles", Json::array()},
            {"excluded", Json::array()},
            {"files", Json::array()}};
  for (std::size_t i = 0; i < study.trials.size(); ++i) {
    Json trial{{"name", study.trials[i].name}, {"identity", study.trials[i].identity}};
    trial.update(cost_json(plan.costs[i]));
    trial["knobs"] = Json::parse(study.trials[i].knobs);
    json["trials"].push_back(trial);
  }
  for (const PlannedEnsemble& ensemble : plan.ensembles)
    json["ensembles"].push_back(
        {{"name", ensemble.name}, {"method", ensemble.method}, {"trials", ensemble.trials}});
  for (const auto& excluded : study.excluded)
    json["excluded"].push_back({{"name", excluded.name}, {"reason", excluded.reason}});
  for (const auto& file : plan.files)
    json["files"].push_back(
        {{"path", file.path}, {"bytes", file.bytes ? Json(*file.bytes) : Json()}});
  return json;
}

}  // namespace medsweep::runner
