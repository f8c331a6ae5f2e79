#include "runner/network_keys.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "datasets/color_mode.h"
#include "models/segmentation/networks.h"
#include "runner/checkpoint.h"
#include "runner/knobs.h"
#include "runner/settings.h"
#include "runner/trial_model.h"
#include "sweeps/study.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

/// A file that goes with it.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& text)
      : path_(fs::temp_directory_path() / fmt::format("medsweep-keys-{}.toml", ::getpid())) {
    write_file_atomically(path_, text);
  }
  ~ScratchFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

bool takes_volumes(const std::string& model) {
  return std::ranges::any_of(models::network_rows(), [&](const Row& row) {
    return row.name == model && models::network_dimensions(row.name) == 3;
  });
}

/// The settings of a trial of nothing but the network.
TrialSettings settings_of_network(const std::string& model, const std::vector<std::string>& set) {
  const ScratchFile study("name = \"keys\"\n[trial]\ndataset = \"none.h5\"\nmodel = \"unet\"\n");
  sweeps::StudyOptions options;
  options.set = {fmt::format("model={}", model)};
  if (takes_volumes(model)) options.set.emplace_back("color_mode=all");
  options.set.insert(options.set.end(), set.begin(), set.end());
  return read_settings(sweeps::load_study(study.path(), make_schema(), options).trials.front());
}

}  // namespace

std::vector<KeyedTensor> network_keys(const std::string& model,
                                      const std::vector<std::string>& set) {
  TrialSettings settings = settings_of_network(model, set);
  settings.precision = "fp32";
  settings.channels_last = false;
  const auto network =
      make_model(settings, {datasets::color_mode_channels(settings.color_mode, 1), 1});
  std::vector<KeyedTensor> tensors;
  const auto add = [&](const auto& items, bool trained) {
    for (const auto& item : items)
      if (!is_of_losses(item.key()))
        tensors.push_back({item.key(), item.value().sizes().vec(), trained});
  };
  add(network->named_parameters(), true);
  add(network->named_buffers(), false);
  return tensors;
}

}  // namespace medsweep::runner
