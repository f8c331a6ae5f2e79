#include <memory>
#include <string>
#include <vector>

#include "results/layout.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"
#include "runner/model_zoo.h"

namespace medsweep::runner {

void add_zoo_command(CLI::App& app, CommandLine& line) {
  const auto studies = std::make_shared<std::vector<std::string>>();
  CLI::App* command =
      app.add_subcommand("zoo", "a page of what studies trained: networks, tables, weights");
  command->add_option("studies", *studies, "the studies' TOML files")->required();
  command->callback([&line, studies] {
    line.chosen = [&line, studies] {
      const auto runs = results::runs_folders(line.runs);
      print(model_zoo(*studies, runs, results::Index(runs)));
      return kDone;
    };
  });
}

}  // namespace medsweep::runner
