#include <fmt/format.h>

#include <array>
#include <map>
#include <stdexcept>
#include <string_view>

#include "runner/weights/torch_file.h"

namespace medsweep::runner {
namespace {

constexpr std::array<std::string_view, 3> kStateKeys{"model", "state_dict", "model_state_dict"};
constexpr std::string_view kStateMetadata = "_metadata", kExtraState = "_extra_state";
constexpr int kDeepestState = 2;
constexpr std::size_t kShownKeys = 8, kLongestShownKey = 60;

/// The texts among a dictionary's keys, with their values; of equal keys the last counts.
std::map<std::string, PickleId> texts_of(const Pickle& pickle, const PickledDict& dict) {
  std::map<std::string, PickleId> values;
  for (const auto& [key, value] : dict.items)
    if (const auto* text = pickle.as<std::string>(key)) values.insert_or_assign(*text, value);
  return values;
}

bool has_tensors(const Pickle& pickle, const PickledDict& dict) {
  for (const auto& item : dict.items)
    if (pickle.as<PickledTensor>(item.second) != nullptr) return true;
  return false;
}

std::string shown_keys(const std::map<std::string, PickleId>& values) {
  std::string shown;
  std::size_t count = 0;
  for (const auto& [key, value] : values) {
    if (++count > kShownKeys) return shown.append(" ...");
    if (!shown.empty()) shown += ' ';
    shown += key.substr(0, kLongestShownKey);
  }
  return shown.empty() ? "nothing" : shown;
}

const PickledDict* inner_state(const Pickle& pickle, const PickledDict& dict) {
  const auto values = texts_of(pickle, dict);
  for (const std::string_view key : kStateKeys)
    if (const auto found = values.find(std::string(key)); found != values.end())
      if (const auto* inner = pickle.as<PickledDict>(found->second)) return inner;
  return nullptr;
}

const PickledDict& state_of(const Pickle& pickle, const std::string& where) {
  const auto* dict = pickle.as<PickledDict>(pickle.root);
  if (dict == nullptr)
    throw std::invalid_argument(fmt::format(
        "[{}] holds no dictionary; torch.save(network.state_dict(), FILE) writes one", where));
  for (int depth = 0; depth < kDeepestState; ++depth) {
    const auto* inner = inner_state(pickle, *dict);
    if (inner == nullptr) break;
    dict = inner;
  }
  if (!has_tensors(pickle, *dict))
    throw std::invalid_argument(fmt::format(
        "[{}] holds no state dictionary but {}; tensors by their names are allowed, at the top or "
        "under {}",
        where, shown_keys(texts_of(pickle, *dict)), fmt::join(kStateKeys, ", ")));
  return *dict;
}

}  // namespace

PickledState find_state_dict(const Pickle& pickle, const std::string& where) {
  PickledState state;
  for (const auto& [name, id] : texts_of(pickle, state_of(pickle, where))) {
    const auto* tensor = pickle.as<PickledTensor>(id);
    if (tensor != nullptr)
      state.emplace_back(name, tensor);
    else if (name != kStateMetadata && !name.ends_with(kExtraState))
      throw std::invalid_argument(fmt::format("[{}] '{}' of its state dictionary is no tensor",
                                              where, name.substr(0, kLongestShownKey)));
  }
  return state;
}

}  // namespace medsweep::runner
