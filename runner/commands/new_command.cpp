#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/files.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"
#include "runner/source_skeleton.h"

namespace medsweep::runner {
namespace {

struct NewOptions {
  std::string kind, name, source = ".";
};

int run_new(const NewOptions& options) {
  const std::filesystem::path root = options.source;
  const auto files = source_skeleton(skeleton_kind(options.kind), options.name, root);
  std::string said;
  for (const SkeletonFile& file : files) {
    write_file_atomically(root / file.path, file.text);
    said +=
        fmt::format("{} {}\n", &file == &files.back() ? "a row in" : "wrote", file.path.string());
  }
  print(said +
        "It builds and passes as it is; TODO marks what to fill in. Then:\n"
        "  ninja -C build runner models_fast_tests && build/models_fast_tests\n");
  return kDone;
}

}  // namespace

void add_new_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<NewOptions>();
  CLI::App* command =
      app.add_subcommand("new", "source files for an attention, a network or a loss of one's own");
  command->add_option("kind", options->kind, "attention, network or loss")->required();
  command->add_option("name", options->name, "what studies will call it: words_joined_so")
      ->required();
  command->add_option("--source", options->source, "root of the source tree (here)");
  command->callback([&line, options] { line.chosen = [options] { return run_new(*options); }; });
}

}  // namespace medsweep::runner
