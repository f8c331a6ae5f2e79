#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/weights/pickle.h"

namespace medsweep::runner {

/// The elements of the class `name`, "torch.FloatStorage"; none for what is no such class.
std::optional<ElementType> element_type_of(std::string_view name);

/// The values of a pickle while it is read, and the few classes and functions that may make them.
/// Errors as read_pickle.
class PickleObjects {
 public:
  explicit PickleObjects(const std::string& where) : where_(where) {}

  /// A new value.
  PickleId add(PickleValue value);
  /// A class or function "module.name"; refuses what is not known.
  PickleId name(const std::string& module, const std::string& name);
  /// What `callable` makes of the tuple `arguments`.
  PickleId call(PickleId callable, PickleId arguments);
  /// The storage that the tuple of a persistent id describes:
  /// ("storage", class, key, device, elements[, None | (view key, begin, count)]).
  PickleId storage(PickleId description);
  /// Takes the attributes of an object, which are of no use here; only dictionaries have some.
  void set_attributes(PickleId object) const;

  /// The text that a value is; `what` names it in errors.
  const std::string& text(PickleId id, const char* what) const;
  PickledList& list(PickleId id);
  PickledDict& dict(PickleId id);
  Pickle finish(PickleId root, std::size_t size);

  [[noreturn]] void damaged(const std::string& what) const;
  [[noreturn]] void refuse(const std::string& what) const;

  /// As much of a text of the file as an error may show.
  static std::string printable(std::string_view text);

 private:
  const std::vector<PickleId>& items(PickleId id, const char* what) const;
  std::int64_t integer(PickleId id, const char* what) const;
  std::vector<std::int64_t> integers(PickleId id, const char* what);
  void set_view(PickledStorage& storage, PickleId description) const;
  ElementType element_type(PickleId id) const;
  PickleId ordered_dict(const std::vector<PickleId>& arguments);
  PickleId set(const std::vector<PickleId>& arguments);
  PickleId tensor(const std::vector<PickleId>& arguments);
  PickleId parameter(const std::vector<PickleId>& arguments);
  void check_bounds(const PickledTensor& tensor) const;
  void spend(std::size_t copies);

  static constexpr std::size_t kMostTensorAxes = 64;  // as torch

  const std::string& where_;
  Pickle pickle_;
  std::size_t copied_ = 0;
};

}  // namespace medsweep::runner
