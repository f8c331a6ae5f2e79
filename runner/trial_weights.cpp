#include "runner/trial_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string_view>

#include "base/files.h"
#include "results/layout.h"
#include "runner/checkpoint.h"
#include "runner/frozen.h"
#include "runner/knobs.h"
#include "runner/settings.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTrial = "trial:", kLast = "last";

/// A trial and the study that it was found in.
struct Source {
  std::string study;
  sweeps::Trial trial;
};

Source last_of(const std::vector<fs::path>& needs, const std::vector<fs::path>& runs) {
  if (needs.empty())
    throw std::invalid_argument(
        "\"last\" in a study without needs; \"trial:STUDY/NAME\" is allowed");
  const FrozenStudy study = study_of_results(needs.back(), runs);
  return {study.name, study.trials.back()};
}

std::optional<Source> find(const FrozenStudy& study, std::string_view name) {
  const auto trial = std::ranges::find(study.trials, name, &sweeps::Trial::name);
  if (trial == study.trials.end()) return std::nullopt;
  return Source{study.name, *trial};
}

std::optional<Source> in_study(const std::string& study, std::string_view name,
                               const std::vector<fs::path>& runs) {
  const bool known = std::ranges::any_of(runs, [&](const fs::path& folder) {
    return fs::exists(results::frozen_study(results::study_folder(folder, study)));
  });
  return known ? find(study_of_results(study, runs), name) : std::nullopt;
}

std::optional<Source> in_needs(std::string_view name, const std::vector<fs::path>& needs,
                               const std::vector<fs::path>& runs) {
  if (needs.empty())
    throw std::invalid_argument(fmt::format(
        "\"trial:{}\" in a study without needs; \"trial:STUDY/{}\" is allowed", name, name));
  std::optional<Source> found;
  for (const fs::path& need : needs) {
    auto source = find(study_of_results(need, runs), name);
    if (!source) continue;
    if (found && found->trial.identity != source->trial.identity)
      throw std::invalid_argument(
          fmt::format("\"trial:{}\" is in the studies {} and {}; \"trial:STUDY/{}\" is allowed",
                      name, found->study, source->study, name));
    found = std::move(source);
  }
  return found;
}

std::optional<Source> source_of(std::string_view text, const std::vector<fs::path>& needs,
                                const std::vector<fs::path>& runs) {
  if (text == kLast) return last_of(needs, runs);
  text.remove_prefix(kTrial.size());
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return in_needs(text, needs, runs);
  return in_study(std::string(text.substr(0, slash)), text.substr(slash + 1), runs);
}

/// The checkpoint that the trial was evaluated with.
std::optional<fs::path> evaluated_checkpoint(const fs::path& folder, const sweeps::Trial& trial) {
  const auto steps = checkpoint_steps(folder);
  if (steps.empty()) return std::nullopt;
  const fs::path newest = folder / checkpoint_name(steps.back());
  if (read_settings(trial).evaluate.checkpoint == "last") return newest;
  std::map<std::string, std::string> digests;
  const fs::path state = newest / kStateFile;
  const auto best = read_state(state, read_file(state), digests).best;
  return best ? folder / checkpoint_name(best->step) : newest;
}

/// The studies' folders in which a trial of `study` may have been trained, its own first.
std::vector<fs::path> folders_to_look_in(const std::string& study,
                                         const std::vector<fs::path>& runs) {
  std::vector<fs::path> folders;
  for (const fs::path& folder : runs) folders.push_back(results::study_folder(folder, study));
  for (const fs::path& folder : runs)
    for (const fs::path& other : results::study_folders(folder))
      if (other.filename() != study) folders.push_back(other);
  return folders;
}

}  // namespace

std::optional<fs::path> finished_weights(const std::string& study, const sweeps::Trial& trial,
                                         const std::vector<fs::path>& runs,
                                         const results::Index& index) {
  if (!is_finished(trial, index)) return std::nullopt;
  try {
    for (const fs::path& folder : folders_to_look_in(study, runs)) {
      const fs::path checkpoints =
          results::checkpoints_folder(results::trial_folder(folder, trial.identity));
      if (const auto path = evaluated_checkpoint(checkpoints, trial))
        return fs::absolute(*path / kModelFile).lexically_normal();
    }
  } catch (const std::runtime_error& error) {
    throw std::invalid_argument(error.what());
  }
  return std::nullopt;
}

std::optional<fs::path> trial_weights(const std::string& text, const std::vector<fs::path>& needs,
                                      const std::vector<fs::path>& runs) {
  const auto source = source_of(text, needs, runs);
  if (!source) return std::nullopt;
  return finished_weights(source->study, source->trial, runs, results::Index(runs));
}

sweeps::Schema study_schema(const std::vector<fs::path>& runs) {
  sweeps::Schema schema = make_schema();
  schema.trial_weights = [runs](const std::string& text,
                                const std::vector<fs::path>& needs) -> std::optional<std::string> {
    const auto path = trial_weights(text, needs, runs);
    return path ? std::optional(path->string()) : std::nullopt;
  };
  return schema;
}

}  // namespace medsweep::runner
