#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "datasets/converters/converters.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"

namespace medsweep::runner {
namespace {

struct PrepareOptions {
  std::string name;
  datasets::ConverterOptions converter;
};

/// One line that redraws on a terminal; silence in a file, where only the outcome matters.
void show_conversion(std::int64_t done, std::int64_t total, const std::string& item) {
  if (isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\r\x1b[K{}/{} {}", done, total, item);
  if (done == total) fmt::print(stderr, "\r\x1b[K");
}

int run_prepare(const PrepareOptions& options) {
  if (datasets::reads_source(options.name) && options.converter.source.empty())
    throw std::invalid_argument(fmt::format(
        "[prepare {}] no source; --source FOLDER names the data set as distributed", options.name));
  const datasets::ConverterReport report =
      datasets::convert(options.name, options.converter, show_conversion);
  for (const std::string& note : report.notes) print("note: " + note);
  print(fmt::format("{}: {} samples, digest {}", options.converter.output.string(), report.samples,
                    report.digest.substr(0, 16)));
  return kDone;
}

std::string converters_help() {
  std::string text = "Data sets:\n";
  for (const Row& row : datasets::converter_rows())
    text += fmt::format("  {:<10} {}\n", row.name, row.sentence);
  return text;
}

}  // namespace

void add_prepare_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<PrepareOptions>();
  CLI::App* command = app.add_subcommand("prepare", "convert a data set to one HDF5 file");
  command->footer(converters_help);
  command->add_option("name", options->name, "which data set: one of those below")->required();
  command->add_option("--source", options->converter.source, "its folder as distributed");
  command->add_option("--output", options->converter.output, "the HDF5 file to write")->required();
  auto& phantom = options->converter.phantom;
  command->add_option("--patients", phantom.patients, "phantom: patients")
      ->check(CLI::Range(1, 100'000));
  command->add_option("--slices", phantom.slices, "phantom: slices a volume")
      ->check(CLI::Range(1, 100'000));
  command->add_option("--size", phantom.size, "phantom: pixels a side")
      ->check(CLI::Range(1, 100'000));
  command->add_option("--seed", phantom.seed, "phantom: which hearts");
  command->callback(
      [&line, options] { line.chosen = [options] { return run_prepare(*options); }; });
}

}  // namespace medsweep::runner
