#include "runner/model_zoo.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "base/files.h"
#include "results/render.h"
#include "runner/frozen.h"
#include "runner/study_tables.h"
#include "runner/trained_model.h"

namespace medsweep::runner {
namespace {

constexpr std::string_view kIntroduction =
    "# Model zoo\n\nWritten by `runner zoo` from the results of the studies below. Each says the "
    "command that makes it again, what came out, and the SHA-256 of the weights of each trained "
    "trial (`model.safetensors` of the checkpoint that the table shows). `runner predict "
    "STUDY/TRIAL IMAGES...` uses them, `weights = \"trial:STUDY/TRIAL\"` starts from them, and "
    "`runner list model --keys NETWORK` names their tensors.\n";

std::string network_of(const TrialSettings& settings) {
  std::string network = settings.model.name;
  if (!settings.backbone.name.empty() && settings.backbone.name != "none")
    network += fmt::format(" on {}", settings.backbone.name);
  if (settings.attention.name != "none")
    network += fmt::format(" with {}", settings.attention.name);
  return network;
}

std::string trained_trials(const FrozenStudy& study, const std::vector<std::filesystem::path>& runs,
                           const results::Index& index) {
  std::string rows;
  for (const sweeps::Trial& trial : study.trials) {
    if (index.progress(trial.identity).state != results::TrialState::kDone) continue;
    const TrainedTrial trained = trained_trial(fmt::format("{}/{}", study.name, trial.name), runs);
    rows += fmt::format("| `{}` | {} | `{}` |\n", trial.name, network_of(trained.settings),
                        sha256_hex(read_file(trained.weights)));
  }
  if (rows.empty()) return "No trial is finished.\n";
  return "| trial | network | weights |\n| --- | --- | --- |\n" + rows;
}

}  // namespace

std::string model_zoo(const std::vector<std::string>& studies,
                      const std::vector<std::filesystem::path>& runs, const results::Index& index) {
  std::string page(kIntroduction);
  for (const std::string& name : studies) {
    const FrozenStudy study = study_of_results(name, runs);
    page +=
        fmt::format("\n## {}\n\n`runner --sweep {}`\n\n{}\n{}", study.name, name,
                    results::render(study_tables(study, index), results::TableFormat::kMarkdown),
                    trained_trials(study, runs, index));
  }
  return page;
}

}  // namespace medsweep::runner
