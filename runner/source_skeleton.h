#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep::runner {

/// What `runner new` writes.
enum class SkeletonKind { kAttention, kNetwork, kLoss };

/// "attention", "network", "loss". Throws std::invalid_argument for another word.
SkeletonKind skeleton_kind(std::string_view word);

/// A file of the source tree and what will stand in it.
struct SkeletonFile {
  std::filesystem::path path;  ///< below the root
  std::string text;
};

/// The file pair, the test, and the table with its new row for `name`, in this order. What they say
/// builds and passes: an attention that is the identity at first, a network of a few convolutions,
/// a loss of absolute differences, each with the places to fill in marked "TODO".
///
/// root: of the source tree. The row is modelled on one that is there.
/// Throws std::invalid_argument for a name that is not of lower-case words joined by '_', one that
/// is in the table or has a file, and a folder that is not the source tree.
std::vector<SkeletonFile> source_skeleton(SkeletonKind kind, const std::string& name,
                                          const std::filesystem::path& root);

}  // namespace medsweep::runner
