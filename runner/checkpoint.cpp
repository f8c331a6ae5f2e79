#include "runner/checkpoint.h"

#include <fmt/format.h>
#include <torch/nn.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "base/digest.h"
#include "base/files.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

constexpr int kFormatVersion = 1;
constexpr std::string_view kStepPrefix = "step-";

std::string checksum(const nlohmann::json& state) {
  return fmt::format("{:08x}", crc32(state.dump()));
}

nlohmann::json best_to_json(const std::optional<BestSoFar>& best) {
  if (!best) return nullptr;
  return {{"metric", best->metric},
          {"value", best->value},
          {"epoch", best->epoch},
          {"step", best->step}};
}

std::optional<BestSoFar> best_from_json(const nlohmann::json& json) {
  if (json.is_null()) return std::nullopt;
  return BestSoFar{json.at("metric").get<std::string>(), json.at("value").get<double>(),
                   json.at("epoch").get<std::int64_t>(), json.at("step").get<std::int64_t>()};
}

/// The tensors of one file, whose digest must be the one that state.json holds.
Tensors read_verified(const fs::path& path, const std::map<std::string, std::string>& digests) {
  const SafeTensors file(path);
  const auto expected = digests.find(path.filename().string());
  if (expected == digests.end())
    throw std::runtime_error(fmt::format("[{}] state.json has no digest of it", path.string()));
  if (file.digest() != expected->second)
    throw std::runtime_error(
        fmt::format("[{}] its SHA-256 is not the one in state.json; damaged", path.string()));
  return file.all();
}

}  // namespace

std::string write_state(const TrainingState& state,
                        const std::map<std::string, std::string>& digests) {
  nlohmann::json json{{"format", "medsweep checkpoint"},
                      {"format_version", kFormatVersion},
                      {"identity", state.identity},
                      {"epoch", state.epoch},
                      {"step_in_epoch", state.step_in_epoch},
                      {"step", state.step},
                      {"best", best_to_json(state.best)},
                      {"schedule", state.schedule},
                      {"early_stop", state.early_stop},
                      {"totals", state.totals},
                      {"notes", state.notes},
                      {"digests", digests}};
  json["checksum"] = checksum(json);
  return json.dump(2) + "\n";
}

TrainingState read_state(const fs::path& path, const std::string& text,
                         std::map<std::string, std::string>& digests) {
  try {
    auto json = nlohmann::json::parse(text);
    const int version = json.at("format_version").get<int>();
    if (version != kFormatVersion)
      throw std::runtime_error(fmt::format("[{}] checkpoint format {}; {} is allowed",
                                           path.string(), version, kFormatVersion));
    const auto expected = json.at("checksum").get<std::string>();
    json.erase("checksum");
    if (checksum(json) != expected)
      throw std::runtime_error(fmt::format("[{}] its checksum is wrong; damaged", path.string()));
    digests = json.at("digests").get<std::map<std::string, std::string>>();
    return {json.at("identity").get<std::string>(),
            json.at("epoch").get<std::int64_t>(),
            json.at("step_in_epoch").get<std::int64_t>(),
            json.at("step").get<std::int64_t>(),
            best_from_json(json.at("best")),
            json.at("schedule").get<ScheduleState>(),
            json.at("early_stop").get<EarlyStopState>(),
            json.at("totals").get<std::map<std::string, double>>(),
            json.at("notes").get<std::map<std::string, std::string>>()};
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(fmt::format("[{}] damaged: {}", path.string(), error.what()));
  }
}

Checkpoint load_checkpoint(const fs::path& path) {
  Checkpoint checkpoint{path, {}, {}, {}};
  std::map<std::string, std::string> digests;
  const fs::path state = path / kStateFile;
  checkpoint.state = read_state(state, read_file(state), digests);
  checkpoint.model = read_verified(path / kModelFile, digests);
  checkpoint.optimizer = read_verified(path / kOptimizerFile, digests);
  return checkpoint;
}

NewestCheckpoint load_newest(const fs::path& folder) {
  NewestCheckpoint found;
  auto steps = checkpoint_steps(folder);
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const fs::path path = folder / checkpoint_name(*step);
    try {
      found.checkpoint = load_checkpoint(path);
      return found;
    } catch (const std::runtime_error& error) {
      found.warnings.push_back(
          fmt::format("checkpoint {} is passed over: {}", path.filename().string(), error.what()));
    }
  }
  return found;
}

std::optional<Checkpoint> load_best(const fs::path& folder) {
  const auto newest = load_newest(folder).checkpoint;
  if (!newest || !newest->state.best) return std::nullopt;
  const auto step = newest->state.best->step;
  if (step == newest->state.step) return newest;
  return load_checkpoint(folder / checkpoint_name(step));
}

std::string checkpoint_name(std::int64_t step) { return fmt::format("{}{:06}", kStepPrefix, step); }

std::vector<std::int64_t> checkpoint_steps(const fs::path& folder) {
  std::vector<std::int64_t> steps;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kStepPrefix)) continue;
    std::int64_t step = -1;
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + kStepPrefix.size(), end, step);
    if (error == std::errc() && rest == end && step >= 0) steps.push_back(step);
  }
  std::ranges::sort(steps);
  return steps;
}

bool is_of_losses(std::string_view name) { return name.starts_with("losses."); }

Tensors named_tensors(const torch::nn::Module& module) {
  Tensors tensors;
  for (const auto& item : module.named_parameters()) tensors.emplace(item.key(), item.value());
  for (const auto& item : module.named_buffers()) tensors.emplace(item.key(), item.value());
  return tensors;
}

void load_tensors(torch::nn::Module& module, const Tensors& tensors) {
  copy_tensors("model", tensors, named_tensors(module));
}

}  // namespace medsweep::runner
