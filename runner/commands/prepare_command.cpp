#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "datasets/converters/converters.h"
#include "results/layout.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"
#include "runner/lung_conversion.h"

namespace medsweep::runner {
namespace {

struct PrepareOptions {
  std::string data_set;
  datasets::ConverterOptions converter;
  std::string spacing, window, classes;  ///< as written: "1,1.5,1.5"
  std::string compression = "deflate";
  bool skip_bad = false;
  std::vector<std::string> lung_models;
  bool equalize = true;
  std::vector<std::string> given;  ///< of kConverterOptions, those on the command line
};

/// What only some converters read; the table of converters says which.
constexpr std::array kConverterOptions{"dimension", "spacing",   "color",       "classes", "images",
                                       "labels",    "label-map", "annotations", "patient", "window",
                                       "normalize", "kind",      "patients",    "slices",  "size",
                                       "channels",  "seed"};

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return parts;
}

/// "1,1.5,1.5" as `count` numbers; none where the option was not given.
std::vector<double> numbers_in(const std::string& text, std::size_t count, const char* allowed) {
  std::vector<double> numbers;
  for (const std::string& part : split_at_commas(text)) {
    double number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error == std::errc() && end == part.data() + part.size()) numbers.push_back(number);
  }
  if (text.empty() || numbers.size() == count) return numbers;
  throw std::invalid_argument(fmt::format("[prepare] '{}'; {} is allowed", text, allowed));
}

/// One line that redraws on a terminal; silence in a file, where only the outcome matters.
void show_conversion(std::int64_t done, std::int64_t total, const std::string& item) {
  if (isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\r\x1b[K{}/{} {}", done, total, item);
  if (done == total) fmt::print(stderr, "\r\x1b[K");
}

std::string readers_of(const std::string& option) {
  std::string names;
  for (const Row& row : datasets::converter_rows())
    if (datasets::reads_option(row.name, option)) names += fmt::format(" {}", row.name);
  return names.empty() ? " nobody" : names;
}

void check_given(const PrepareOptions& options) {
  for (const std::string& name : options.given)
    if (!datasets::reads_option(options.data_set, name))
      throw std::invalid_argument(fmt::format("[prepare {}] --{} is not read; those who read it:{}",
                                              options.data_set, name, readers_of(name)));
  if (datasets::reads_source(options.data_set) && options.converter.source.empty())
    throw std::invalid_argument(
        fmt::format("[prepare {}] no source; --source FOLDER names the data set as distributed",
                    options.data_set));
}

datasets::ConverterOptions converter_options(const PrepareOptions& options) {
  datasets::ConverterOptions converter = options.converter;
  converter.spacing =
      numbers_in(options.spacing, 3, "--spacing D,H,W in mm, 0 leaves an axis alone,");
  converter.window = numbers_in(options.window, 2, "--window CENTRE,WIDTH");
  converter.classes = split_at_commas(options.classes);
  converter.compression = datasets::compression_called(options.compression);
  if (options.skip_bad) converter.on_bad = datasets::ConverterOptions::OnBad::kSkip;
  return converter;
}

void show_report(const datasets::ConverterReport& report, const std::string& output) {
  for (const std::string& note : report.notes) print("note: " + note);
  for (const std::string& skipped : report.skipped) print("skipped: " + skipped);
  if (report.resumed > 0)
    print(fmt::format("went on: {} were converted before the interruption", report.resumed));
  const std::string left_out =
      report.skipped.empty() ? "" : fmt::format(", {} skipped", report.skipped.size());
  print(fmt::format("{}: {} samples{}, digest {}", output, report.samples, left_out,
                    report.digest.substr(0, 16)));
}

datasets::ConverterReport convert(const PrepareOptions& options,
                                  const datasets::ConverterOptions& converter,
                                  const std::string& runs) {
  if (options.lung_models.empty())
    return datasets::convert(options.data_set, converter, show_conversion);
  if (options.data_set != "chest_xray")
    throw std::invalid_argument(
        fmt::format("[prepare {}] --lung-model is of chest_xray only", options.data_set));
  const LungModels models(options.lung_models, results::runs_folders(runs),
                          options.equalize ? LungInput::kEqualized : LungInput::kAsStored);
  return convert_with_lungs(converter, models, show_conversion);
}

int run_prepare(const PrepareOptions& options, const std::string& runs) {
  check_given(options);
  const datasets::ConverterOptions converter = converter_options(options);
  show_report(convert(options, converter, runs), converter.output.string());
  return kDone;
}

std::string converters_help() {
  std::string text = "Data sets:\n";
  for (const Row& row : datasets::converter_rows())
    text += fmt::format("  {:<12} {}\n", row.name, row.sentence);
  return text;
}

void add_common_options(CLI::App& command, PrepareOptions& options) {
  datasets::ConverterOptions& converter = options.converter;
  command.add_option("data-set", options.data_set, "which data set: one of those below")
      ->required();
  command.add_option("--source", converter.source, "its folder as distributed");
  command.add_option("--output", converter.output, "the HDF5 file to write")->required();
  command.add_option("--name", converter.name, "of the data set in the file, where not its own");
  command.add_option("--compression", options.compression, "none, deflate or zstd")
      ->capture_default_str();
  command.add_option("--threads", converter.threads, "that convert; 0: one a core")
      ->check(CLI::Range(0, 1024));
  command.add_option("--patient-key", converter.patient_key,
                     "a file whose bytes key the hashes of patients; keep it to yourself");
  command.add_flag("--skip-bad", options.skip_bad, "leave out what cannot be read, and list it");
}

void add_source_options(CLI::App& command, PrepareOptions& options) {
  datasets::ConverterOptions& converter = options.converter;
  command.add_option("--dimension", converter.dimension, "2: slices are samples; 3: volumes")
      ->check(CLI::Range(2, 3));
  command.add_option("--spacing", options.spacing, "D,H,W: resample to mm; 0 leaves an axis alone");
  command.add_option("--color", converter.color, "rgb or gray");
  command.add_option("--classes", options.classes, "A,B: these only, in this order");
  command.add_option("--images", converter.images, "names of image files, '*' is the case");
  command.add_option("--labels", converter.labels, "names of label files, '*' is the case");
  command.add_option("--label-map", converter.label_map, "a table of label codes and class names");
  command.add_option("--annotations", converter.annotations, "the JSON or CSV file");
  command.add_option("--patient", converter.patient,
                     "a regular expression on a case's name; its first group is the patient");
  command.add_option("--window", options.window, "CENTRE,WIDTH of intensities");
  command.add_option("--normalize", converter.normalize, "none or brain: z-score within the brain");
}

void add_lung_options(CLI::App& command, PrepareOptions& options) {
  command
      .add_option("--lung-model", options.lung_models,
                  "chest_xray: a trained trial that draws the lungs, STUDY/NAME or its folder; "
                  "several vote")
      ->allow_extra_args(false);
  command.add_flag("--no-equalize{false}", options.equalize,
                   "chest_xray: the models see the images as they are");
}

void add_phantom_options(CLI::App& command, datasets::PhantomOptions& phantom) {
  command.add_option("--kind", phantom.kind, "phantom: hearts, vessels, lungs, opacities or blobs");
  command.add_option("--patients", phantom.patients, "phantom: patients")
      ->check(CLI::Range(1, 100'000));
  command.add_option("--slices", phantom.slices, "phantom: slices a volume")
      ->check(CLI::Range(1, 100'000));
  command.add_option("--size", phantom.size, "phantom: pixels a side")
      ->check(CLI::Range(1, 100'000));
  command.add_option("--channels", phantom.channels, "phantom: of blobs, 1 or 2")
      ->check(CLI::Range(1, 2));
  command.add_option("--seed", phantom.seed, "phantom: which ones");
}

}  // namespace

void add_prepare_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<PrepareOptions>();
  CLI::App* command = app.add_subcommand("prepare", "convert a data set to one HDF5 file");
  command->footer(converters_help);
  add_common_options(*command, *options);
  add_source_options(*command, *options);
  add_lung_options(*command, *options);
  add_phantom_options(*command, options->converter.phantom);
  command->callback([&line, command, options] {
    for (const char* name : kConverterOptions)
      if (command->count(fmt::format("--{}", name)) > 0) options->given.emplace_back(name);
    line.chosen = [&line, options] { return run_prepare(*options, line.runs); };
  });
}

}  // namespace medsweep::runner
