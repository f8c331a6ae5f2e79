#include <fmt/format.h>

#include <memory>
#include <stdexcept>

#include "datasets/compare.h"
#include "datasets/converters/image_files.h"
#include "datasets/data_file.h"
#include "datasets/inspect.h"
#include "datasets/picture.h"
#include "results/layout.h"
#include "runner/augmentation_picture.h"
#include "runner/commands/commands.h"
#include "runner/data_users.h"
#include "runner/exit_codes.h"

namespace medsweep::runner {
namespace {

struct InspectOptions {
  std::string file;
  std::string picture, compare, augmentation;
  AnswerFormat format = AnswerFormat::kText;
};

constexpr const char* kInspectFooter = R"(Exit status of --compare:
  0   the same samples in the same order
  1   they differ (as diff), or a file is damaged)";

int draw_augmentation(const InspectOptions& options) {
  const std::string title = fmt::format("{}: {}", options.file, options.augmentation);
  datasets::write_png(options.picture,
                      augmentation_sheet(datasets::DataFile(options.file),
                                         augmentation_from(options.augmentation), title));
  print(
      fmt::format("{}: {} on samples of {}", options.picture, options.augmentation, options.file));
  return kDone;
}

int draw_picture(const InspectOptions& options) {
  datasets::write_png(options.picture, datasets::contact_sheet(datasets::DataFile(options.file)));
  print(fmt::format("{}: what is in {}", options.picture, options.file));
  return kDone;
}

int compare_files(const InspectOptions& options, const std::string& runs) {
  const datasets::Comparison comparison = datasets::compare(options.file, options.compare);
  const results::Index index(results::runs_folders(runs));
  const std::vector<DataUser> users = data_users(comparison, index);
  print(options.format == AnswerFormat::kJson ? to_json(comparison, users)
                                              : datasets::to_text(comparison) + to_text(users));
  return comparison.equal() ? kDone : kDifferent;
}

int run_inspect(const InspectOptions& options, const std::string& runs) {
  if (!options.picture.empty() && !options.compare.empty())
    throw std::invalid_argument("[inspect] --picture and --compare; one of them is allowed");
  if (!options.augmentation.empty() && options.picture.empty())
    throw std::invalid_argument(
        "[inspect] --augmentation without a picture; --picture FILE says where");
  if (!options.compare.empty()) return compare_files(options, runs);
  if (!options.augmentation.empty()) return draw_augmentation(options);
  if (!options.picture.empty()) return draw_picture(options);
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
  command->add_option("--picture", options->picture,
                      "a PNG to write: samples with their labels drawn on them");
  command->add_option("--augmentation", options->augmentation,
                      "draw what it does to samples, as a study writes it: elastic, or "
                      "'{ name = \"elastic\", magnitude = 20 }'");
  command->add_option("--compare", options->compare,
                      "another data file: what differs there, and which trials used it");
  add_format_option(*command, options->format);
  command->footer(kInspectFooter);
  command->callback([&line, options] {
    line.chosen = [&line, options] { return run_inspect(*options, line.runs); };
  });
}

}  // namespace medsweep::runner
