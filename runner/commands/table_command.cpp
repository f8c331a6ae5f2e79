#include <memory>

#include "results/layout.h"
#include "results/render.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"
#include "runner/frozen.h"
#include "runner/study_tables.h"

namespace medsweep::runner {
namespace {

struct TableOptions {
  std::string study;
  std::string format = "terminal";
};

int run_table(const TableOptions& options, const std::string& runs_list) {
  const auto format = results::table_format(options.format);
  const auto runs = results::runs_folders(runs_list);
  const FrozenStudy study = study_of_results(options.study, runs);
  const results::Index index(runs);
  print(results::render(study_tables(study, index), format));
  return kDone;
}

}  // namespace

void add_table_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<TableOptions>();
  CLI::App* command = app.add_subcommand("table", "what came out of a study");
  command->add_option("study", options->study, "the study's TOML file")->required();
  command->add_option("--format", options->format, "terminal, markdown, csv, latex, html or json");
  command->callback([&line, options] {
    line.chosen = [&line, options] { return run_table(*options, line.runs); };
  });
}

}  // namespace medsweep::runner
