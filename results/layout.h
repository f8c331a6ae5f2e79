#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace medsweep::results {

/// What lies where under a runs folder:
///   runs/<study>/study.toml                      the frozen study
///   runs/<study>/journal/<job>-<start>-<random>.jsonl
///   runs/<study>/trials/<identity>/checkpoints/step-000123/
///   runs/<study>/trials/<identity>/pictures/
///   runs/<study>/trials/<identity>/log.txt
///   runs/<study>/trials/<identity>/claim         who trains it now; its time stamp is renewed
std::filesystem::path study_folder(const std::filesystem::path& runs, const std::string& study);
std::filesystem::path frozen_study(const std::filesystem::path& study_folder);
std::filesystem::path journal_folder(const std::filesystem::path& study_folder);
std::filesystem::path trial_folder(const std::filesystem::path& study_folder,
                                   const std::string& identity);
std::filesystem::path checkpoints_folder(const std::filesystem::path& trial_folder);
std::filesystem::path claim_file(const std::filesystem::path& trial_folder);

/// The study folders of a runs folder (those with a journal or a frozen study), sorted; none where
/// it does not exist.
std::vector<std::filesystem::path> study_folders(const std::filesystem::path& runs);

/// All journals of a study folder, sorted by name; none where it does not exist.
std::vector<std::filesystem::path> journal_files(const std::filesystem::path& study_folder);

/// The runs folders that `MEDSWEEP_RUNS` (or `--runs`) lists, separated by ':'; "runs" when empty.
/// The first is written to, all are read.
std::vector<std::filesystem::path> runs_folders(const std::string& list);

}  // namespace medsweep::results
