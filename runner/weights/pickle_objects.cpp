#include "runner/weights/pickle_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace medsweep::runner {
namespace {

constexpr std::size_t kMostPickleValues = 1'000'000, kMostPickleCopies = 8'000'000;

constexpr std::string_view kOrderedDict = "collections.OrderedDict",
                           kRebuildTensor = "torch._utils._rebuild_tensor",
                           kRebuildTensorV2 = "torch._utils._rebuild_tensor_v2",
                           kRebuildParameter = "torch._utils._rebuild_parameter";
constexpr std::array<std::string_view, 8> kAllowedCalls{
    kOrderedDict,   kRebuildTensor,    kRebuildTensorV2,     kRebuildParameter,
    "builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset"};

}  // namespace

void PickleObjects::damaged(const std::string& what) const {
  throw std::runtime_error(fmt::format("[{}] a pickle that is damaged: {}", where_, what));
}

void PickleObjects::refuse(const std::string& what) const {
  throw std::invalid_argument(
      fmt::format("[{}] {}, which could run code: refused; tensors in dictionaries and lists, "
                  "numbers and texts "
                  "are allowed, as torch.save(network.state_dict(), FILE) writes them",
                  where_, what));
}

void PickleObjects::spend(std::size_t copies) {
  copied_ += copies;
  if (copied_ > kMostPickleCopies)
    damaged(fmt::format("its values would fill more than {} places", kMostPickleCopies));
}

std::string PickleObjects::printable(std::string_view text) {
  constexpr std::size_t kMostCharacters = 120;
  std::string shown(text.substr(0, kMostCharacters));
  for (char& character : shown)
    if (character < ' ' || character > '~') character = '?';
  return shown.size() < text.size() ? shown + "..." : shown;
}

PickleId PickleObjects::add(PickleValue value) {
  if (pickle_.values.size() >= kMostPickleValues)
    damaged(fmt::format("more than {} values", kMostPickleValues));
  pickle_.values.push_back(std::move(value));
  return static_cast<PickleId>(pickle_.values.size() - 1);
}

PickleId PickleObjects::name(const std::string& module, const std::string& name) {
  const std::string whole = module + "." + name;
  if (std::ranges::find(kAllowedCalls, whole) == kAllowedCalls.end() && !element_type_of(whole))
    refuse(fmt::format("it asks for '{}'", printable(whole)));
  return add(PickledName{whole});
}

const std::vector<PickleId>& PickleObjects::items(PickleId id, const char* what) const {
  const auto* list = pickle_.as<PickledList>(id);
  if (list == nullptr) damaged(fmt::format("{} should be a tuple or list", what));
  return list->items;
}

std::int64_t PickleObjects::integer(PickleId id, const char* what) const {
  const auto* value = pickle_.as<std::int64_t>(id);
  if (value == nullptr || *value < 0)
    damaged(fmt::format("{} should be an integer from 0 on", what));
  return *value;
}

std::vector<std::int64_t> PickleObjects::integers(PickleId id, const char* what) {
  const auto& ids = items(id, what);
  if (ids.size() > kMostTensorAxes) damaged(fmt::format("{} has {} axes", what, ids.size()));
  spend(ids.size());
  std::vector<std::int64_t> values;
  for (const PickleId axis : ids) values.push_back(integer(axis, what));
  return values;
}

const std::string& PickleObjects::text(PickleId id, const char* what) const {
  const auto* value = pickle_.as<std::string>(id);
  if (value == nullptr) damaged(fmt::format("{} should be a text", what));
  return *value;
}

PickleId PickleObjects::call(PickleId callable, PickleId arguments) {
  const auto* function = pickle_.as<PickledName>(callable);
  if (function == nullptr) damaged("it calls what is no function");
  const std::string_view name = function->name;
  const auto& given = items(arguments, "the arguments of a call");
  if (given.size() > 8) damaged(fmt::format("{} with {} arguments", name, given.size()));
  const auto values = given;  // adding a value moves the others
  if (name == kOrderedDict) return ordered_dict(values);
  if (name == kRebuildTensor || name == kRebuildTensorV2) return tensor(values);
  if (name == kRebuildParameter) return parameter(values);
  if (element_type_of(name)) refuse(fmt::format("it calls '{}'", name));
  return set(values);
}

PickleId PickleObjects::ordered_dict(const std::vector<PickleId>& arguments) {
  PickledDict dict;
  if (arguments.size() > 1) damaged("an OrderedDict of several arguments");
  if (arguments.size() == 1)  // as Python 2 writes it: of a list of pairs
    for (const PickleId id : items(arguments[0], "the items of an OrderedDict")) {
      const auto& pair = items(id, "an item of an OrderedDict");
      if (pair.size() != 2) damaged("an item of an OrderedDict should be a pair");
      spend(1);
      dict.items.emplace_back(pair[0], pair[1]);
    }
  return add(std::move(dict));
}

PickleId PickleObjects::set(const std::vector<PickleId>& arguments) {
  PickledList list;
  if (arguments.size() > 1) damaged("a set of several arguments");
  if (arguments.size() == 1) {
    const auto& members = items(arguments[0], "the members of a set");
    spend(members.size());
    list.items = members;
  }
  return add(std::move(list));
}

void PickleObjects::set_attributes(PickleId object) const {
  if (pickle_.as<PickledDict>(object) == nullptr)
    refuse("it sets attributes of something that is no dictionary");
}

PickledList& PickleObjects::list(PickleId id) {
  auto* list = std::get_if<PickledList>(&pickle_.values[id]);
  if (list == nullptr) damaged("it appends to what is no list");
  return *list;
}

PickledDict& PickleObjects::dict(PickleId id) {
  auto* dict = std::get_if<PickledDict>(&pickle_.values[id]);
  if (dict == nullptr) damaged("it sets an item of what is no dictionary");
  return *dict;
}

Pickle PickleObjects::finish(PickleId root, std::size_t size) {
  pickle_.root = root;
  pickle_.size = size;
  return std::move(pickle_);
}

}  // namespace medsweep::runner
