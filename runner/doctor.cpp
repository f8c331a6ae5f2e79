#include "runner/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "runner/doctor/checks.h"
#include "runner/doctor/rank_facts.h"
#include "runner/doctor/storage.h"
#include "runner/version.h"

namespace medsweep::runner {
namespace {

constexpr std::array kSeverities{Severity::kOk, Severity::kWarn, Severity::kProblem};

/// Of all ranks, on rank 0.
std::vector<RankFacts> gather_facts(Communicator& world, const std::filesystem::path& root) {
  std::vector<RankFacts> all;
  for (const auto& text : world.gather(to_json(read_rank_facts(root)).dump()))
    all.push_back(rank_facts_from_json(nlohmann::json::parse(text)));
  return all;
}

DoctorReport parse_report(const std::string& text) {
  DoctorReport report;
  const auto json = nlohmann::json::parse(text);
  for (const auto& row : json.at("findings")) {
    Finding finding{row["topic"], row["value"], Severity::kOk, row["remedy"]};
    for (const auto severity : kSeverities)
      if (row["severity"] == to_string(severity)) finding.severity = severity;
    report.findings.push_back(std::move(finding));
  }
  return report;
}

}  // namespace

Severity DoctorReport::severity() const {
  Severity worst = Severity::kOk;
  for (const auto& finding : findings) worst = std::max(worst, finding.severity);
  return worst;
}

DoctorReport run_doctor(Communicator& world, const DoctorOptions& options) {
  const auto facts = gather_facts(world, options.root);
  std::optional<StorageFacts> storage;
  if (options.storage) storage = measure_storage(world, *options.storage);
  DoctorReport report;
  if (world.rank() == 0) {
    report.findings = {check_ranks(facts), check_mpi_library(facts), check_threads(facts),
                       check_memory(facts, options.memory_per_rank_bytes), check_gpus(facts)};
    for (auto& finding : check_disk(read_disk_facts(options.runs)))
      report.findings.push_back(std::move(finding));
    if (storage)
      for (auto& finding : check_storage(*storage)) report.findings.push_back(std::move(finding));
    report.findings.push_back({"versions", version_text(), Severity::kOk, ""});
  }
  return parse_report(world.broadcast(to_json(report).dump()));
}

std::string to_text(const DoctorReport& report) {
  std::string text;
  for (const auto& finding : report.findings) {
    text +=
        fmt::format("{:<8} {:<9} {}\n", to_string(finding.severity), finding.topic, finding.value);
    if (!finding.remedy.empty()) text += fmt::format("{:<18} -> {}\n", "", finding.remedy);
  }
  return text;
}

nlohmann::ordered_json to_json(const DoctorReport& report) {
  auto findings = nlohmann::ordered_json::array();
  for (const auto& finding : report.findings)
    findings.push_back({{"topic", finding.topic},
                        {"value", finding.value},
                        {"severity", to_string(finding.severity)},
                        {"remedy", finding.remedy}});
  return {{"severity", to_string(report.severity())}, {"findings", findings}};
}

std::string to_string(Severity severity) {
  switch (severity) {
    case Severity::kProblem:
      return "problem";
    case Severity::kWarn:
      return "warn";
    default:
      return "ok";
  }
}

}  // namespace medsweep::runner
