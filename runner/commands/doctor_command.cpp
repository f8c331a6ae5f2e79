#include <memory>
#include <nlohmann/json.hpp>

#include "results/layout.h"
#include "runner/commands/commands.h"
#include "runner/distributed/mpi_session.h"
#include "runner/doctor.h"
#include "runner/exit_codes.h"

namespace medsweep::runner {
namespace {

struct DoctorCommandOptions {
  std::string storage;
  double memory_gigabytes = 0;
  AnswerFormat format = AnswerFormat::kText;
};

int run_doctor_command(const DoctorCommandOptions& options, const std::string& runs) {
  MpiSession session(MpiStart::kAlways);
  DoctorOptions doctor;
  doctor.runs = results::runs_folders(runs).front();
  doctor.memory_per_rank_bytes = options.memory_gigabytes * 1e9;
  if (!options.storage.empty()) doctor.storage = options.storage;
  const DoctorReport report = run_doctor(session.world(), doctor);
  if (session.world().rank() == 0)
    print(options.format == AnswerFormat::kJson ? to_json(report).dump(2) : to_text(report));
  return report.severity() == Severity::kProblem ? kWorldError : kDone;
}

}  // namespace

void add_doctor_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<DoctorCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "doctor", "whether a sweep will run well here; start it as you would start the sweep");
  command->add_option("--storage", options->storage,
                      "measure this folder: is it fit for journals?");
  command->add_option("--memory", options->memory_gigabytes,
                      "GB that a rank will take (`runner plan` says)");
  add_format_option(*command, options->format);
  command->callback([&line, options] {
    line.chosen = [&line, options] { return run_doctor_command(*options, line.runs); };
  });
}

}  // namespace medsweep::runner
