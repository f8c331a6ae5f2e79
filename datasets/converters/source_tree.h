#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep::datasets {

/// Every regular file below the folder, hidden ones left out, ordered by path; absolute paths.
/// Throws std::invalid_argument for what is no folder.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder);

/// The file's name without folders and without its ending, of which ".nii.gz" is one.
std::string stem_of(const std::filesystem::path& file);

/// In lower case, with the dot: ".png", ".nii.gz".
std::string ending_of(const std::filesystem::path& file);

/// What '*' stands for in the file's name, for a pattern with one '*' as "*_gt.nii.gz"; empty where
/// the name does not match. Throws std::invalid_argument for a pattern without exactly one '*'.
std::string match_pattern(const std::string& file_name, const std::string& pattern);

/// The files that match the pattern, by what '*' stands for. The pattern may have folders
/// ("images/*.png"); they are compared with the end of a file's folders. Throws
/// std::invalid_argument where two files have one name.
std::map<std::string, std::filesystem::path> files_matching(
    const std::vector<std::filesystem::path>& files, const std::string& pattern);

/// The first group of `expression` in `name`: who a file is of. The name itself where the
/// expression is empty. Throws std::invalid_argument for an expression that is none or has no
/// group, and for a name in which it is not found.
std::string patient_of(const std::string& name, const std::string& expression);

/// A name that may stand in a data file: every character that is not a letter, a digit or one of
/// "._-+" becomes '_'.
std::string plain_name(std::string_view name);

}  // namespace medsweep::datasets
