#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "datasets/export.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"

namespace medsweep::runner {
namespace {

struct ExportOptions {
  std::string file, format, output;
};

/// One line that redraws on a terminal; silence in a file, where only the outcome matters.
void show_export(std::int64_t done, std::int64_t total, const std::string& sample) {
  if (isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\r\x1b[K{}/{} {}", done, total, sample);
  if (done == total) fmt::print(stderr, "\r\x1b[K");
}

int run_export(const ExportOptions& options) {
  const datasets::ExportReport report =
      datasets::export_data(options.format, options.file, options.output, show_export);
  for (const std::string& note : report.notes) print("note: " + note);
  print(fmt::format("{}: {} samples in {} files", options.output, report.samples, report.files));
  return kDone;
}

std::string formats_help() {
  std::string text = "Formats:\n";
  for (const Row& row : datasets::export_rows())
    text += fmt::format("  {:<10} {}\n", row.name, row.sentence);
  return text;
}

}  // namespace

void add_export_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export-data", "a data file as files of other tools");
  command->footer(formats_help);
  command->add_option("file", options->file, "an HDF5 file made by `runner prepare`")->required();
  command->add_option("--format", options->format, "one of those below")->required();
  command->add_option("--output", options->output, "the new folder to write")->required();
  command->callback([&line, options] { line.chosen = [options] { return run_export(*options); }; });
}

}  // namespace medsweep::runner
