#include <memory>

#include "datasets/inspect.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"

namespace medsweep::runner {
namespace {

struct InspectOptions {
  std::string file;
  AnswerFormat format = AnswerFormat::kText;
};

int run_inspect(const InspectOptions& options) {
  const datasets::Inspection inspection = datasets::inspect(options.file);
  print(options.format == AnswerFormat::kJson ? datasets::to_json(inspection)
                                              : datasets::to_text(inspection));
  return kDone;
}

}  // namespace

void add_inspect_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App* command = app.add_subcommand("inspect", "what is inside a data file");
  command->add_option("file", options->file, "an HDF5 file made by `runner prepare`")->required();
  add_format_option(*command, options->format);
  command->callback(
      [&line, options] { line.chosen = [options] { return run_inspect(*options); }; });
}

}  // namespace medsweep::runner
