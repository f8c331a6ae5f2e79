#include "sweeps/value_checks.h"

#include <algorithm>
#include <cmath>
#include <ranges>
#include <stdexcept>

#include "base/files.h"

namespace medsweep::sweeps {
namespace {

namespace fs = std::filesystem;

Knob element_of(const Knob& list, KnobType type, std::span<const Knob> options = {}) {
  Knob element = list;
  element.type = type;
  element.options = options;
  return element;
}

bool is_word_in(std::string_view choices, std::string_view word) {
  while (!choices.empty()) {
    const std::size_t end = std::min(choices.find(' '), choices.size());
    if (choices.substr(0, end) == word) return true;
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return false;
}

std::string range_text(const Knob& knob) {
  if (std::isinf(knob.maximum)) return fmt::format("{} or more", knob.minimum);
  if (std::isinf(knob.minimum)) return fmt::format("{} or less", knob.maximum);
  return fmt::format("{} to {}", knob.minimum, knob.maximum);
}

constexpr Knob kStageOptions[] = {
    {"layers", KnobType::kString, "", "which layers are trained (train_layers)"},
    {"epochs", KnobType::kInteger, "", "for how long", 1},
    {"learning_rate", KnobType::kNumber, "", "of this stage", 0},
};
constexpr std::string_view kTrial = "trial:";
constexpr Knob kNameOptions[] = {{"weight", KnobType::kNumber, "1", "in a sum", 0}};
constexpr Knob kFoldOptions[] = {
    {"folds", KnobType::kInteger, "", "parts of a cross-validation", 2}};
constexpr Knob kFoldsOfFile[] = {{.key = "folds",
                                  .type = KnobType::kString,
                                  .default_value = "",
                                  .sentence = "the parts that the data file gives",
                                  .choices = "file"}};

}  // namespace

CheckedValue ValueChecker::check(const Knob& knob, const std::string& key, const Value& value) {
  CheckedValue checked;
  checked.full = check_one(checked, knob, key, value);
  return checked;
}

Value ValueChecker::check_one(CheckedValue& checked, const Knob& knob, const std::string& key,
                              const Value& value) {
  switch (knob.type) {
    case KnobType::kBoolean:
      return value.boolean() ? value : wrong_type(key, value, "true or false");
    case KnobType::kInteger:
    case KnobType::kNumber:
      return check_number(knob, key, value);
    case KnobType::kString:
      return check_word(knob, key, value);
    case KnobType::kName:
      return check_name(checked, knob, key, value);
    case KnobType::kFile:
      return check_file(checked, key, value);
    case KnobType::kIntegersOrName:
      if (value.string()) return check_word(knob, key, value);
      return check_list(checked, element_of(knob, KnobType::kInteger), key, value);
    case KnobType::kNameList:
      return check_list(checked, element_of(knob, KnobType::kName), key, value);
    case KnobType::kNames:
      return check_list(checked, element_of(knob, KnobType::kName, kNameOptions), key, value);
    case KnobType::kIntegers:
      return check_list(checked, element_of(knob, KnobType::kInteger), key, value);
    case KnobType::kNumbers:
      return check_list(checked, element_of(knob, KnobType::kNumber), key, value);
    case KnobType::kStrings:
      return check_list(checked, element_of(knob, KnobType::kString), key, value);
    case KnobType::kStringLists:
      return check_list(checked, element_of(knob, KnobType::kStrings), key, value);
    case KnobType::kFiles:
      return check_list(checked, element_of(knob, KnobType::kFile), key, value);
    case KnobType::kStages:
      if (const Array* stages = value.array())
        for (const Value& stage : *stages)
          if (stage.table() && !stage.find("epochs"))
            findings_.problems.add(stage.at, "[{}] a stage without epochs; {} is allowed", key,
                                   "{ layers = \"heads\", epochs = 5 }");
      return check_list(checked, element_of(knob, KnobType::kOptions, kStageOptions), key, value);
    case KnobType::kDatasets:
      return check_list(checked, knob, key, value);
    case KnobType::kSamples:
      return check_samples(key, value);
    case KnobType::kOptions:
      return check_options(checked, knob.options, key, value);
    case KnobType::kAny:
      checked.known = false;
      return value;
  }
  throw std::logic_error("[value_checks] a type of knob without a check");
}

Value ValueChecker::check_list(CheckedValue& checked, const Knob& element, const std::string& key,
                               const Value& value) {
  const auto check_element = [&](const Value& one) {
    return element.type == KnobType::kDatasets ? check_dataset(checked, key, one)
                                               : check_one(checked, element, key, one);
  };
  Array elements;
  if (const Array* array = value.array()) {
    for (const Value& one : *array) elements.push_back(check_element(one));
  } else {
    elements.push_back(check_element(value));
  }
  return {std::move(elements), value.at};
}

Value ValueChecker::check_number(const Knob& knob, const std::string& key, const Value& value) {
  if (knob.type == KnobType::kInteger && value.integer() == nullptr)
    return wrong_type(key, value, "an integer");
  if (!value.is_number()) return wrong_type(key, value, "a number");
  if (!(value.number() >= knob.minimum && value.number() <= knob.maximum) ||
      !std::isfinite(value.number()))
    findings_.problems.add(value.at, "[{}] {}; {} is allowed", key, plain_text(value),
                           range_text(knob));
  return value;
}

Value ValueChecker::check_word(const Knob& knob, const std::string& key, const Value& value) {
  const std::string* word = value.string();
  if (word == nullptr) return wrong_type(key, value, "a string");
  if (!knob.choices.empty() && !is_word_in(knob.choices, *word))
    findings_.problems.add(value.at, "[{}] '{}'; one of these is allowed: {}", key, *word,
                           knob.choices);
  check_own_word(key, value);
  const auto words = schema_.resolved.find(key);
  if (words == schema_.resolved.end() || !words->second.contains(*word)) return value;
  return {words->second.at(*word), value.at};
}

Value ValueChecker::check_file(CheckedValue& checked, const std::string& key, const Value& value) {
  // { backbone = "imagenet" } says of a file what it is of, as a word does by itself.
  const Table* table = value.table();
  if (table != nullptr && table->size() == 1 && table->front().key == "backbone")
    return check_file(checked, key, table->front().value);
  if (value.string() == nullptr) return wrong_type(key, value, "the path of a file");
  std::string text = *value.string();
  const bool trial = text.starts_with(kTrial) || (key == "weights" && text == "last");
  const bool word = !key.ends_with(".file") && text.find_first_of("./$") == std::string::npos;
  if (!trial && word) return value;
  if (trial) {
    checked.labels.push_back(text.starts_with(kTrial) ? text.substr(kTrial.size()) : text);
    text = find_trial(key, text, value);
  } else {
    checked.labels.push_back(fs::path(text).stem().string());
    try {
      text = expand_variables(text);
    } catch (const std::invalid_argument& error) {
      (findings_.unknown_names == UnknownNames::kCollect ? findings_.missing : findings_.problems)
          .add(value.at, "[{}] {}", key, error.what());
    }
    const bool own = value.at.file && !value.at.file->folder.empty();
    text = ((own ? value.at.file->folder : folder_) / text).lexically_normal().string();
  }
  if (!file_digests_.contains(text)) {
    const bool found = !trial || fs::path(text).is_absolute();
    const auto digest = found && schema_.data_digest ? schema_.data_digest(text) : std::nullopt;
    file_digests_[text] = digest ? *digest : "pending:" + text;
  }
  if (file_digests_[text] == "pending:" + text) {
    checked.pending = true;
    findings_.missing.add(value.at, "[{}] {}: {}", key, text,
                          trial ? "there is no such finished trial" : "there is no such file");
  }
  return {text, value.at};
}

std::string ValueChecker::find_trial(const std::string& key, const std::string& text,
                                     const Value& value) {
  try {
    if (schema_.trial_weights) return schema_.trial_weights(text, needs_).value_or(text);
  } catch (const std::invalid_argument& error) {
    findings_.problems.add(value.at, "[{}] {}", key, error.what());
  }
  return text;
}

Value ValueChecker::check_samples(const std::string& key, const Value& value) {
  CheckedValue unused;
  if (const Value* folds = value.find("folds"); folds && key.ends_with(".validation"))
    return check_options(unused, folds->string() ? kFoldsOfFile : kFoldOptions, key, value);
  if (const Array* cases = value.array()) {
    if (std::ranges::all_of(*cases, [](const Value& one) { return one.string() != nullptr; }))
      return value;
  } else if (const std::int64_t* count = value.integer()) {
    if (*count >= 0) return value;
  } else if (value.is_number()) {
    if (value.number() > 0 && value.number() < 1) return value;
  } else if (const std::string* source = value.string()) {
    if (source->starts_with("source:")) return value;
  }
  findings_.problems.add(
      value.at,
      "[{}] {}; a fraction between 0 and 1, a count, \"source:NAME\", a list of "
      "cases{} is allowed",
      key, plain_text(value),
      key.ends_with(".validation") ? ", { folds = 5 } or { folds = \"file\" }" : "");
  return value;
}

Value ValueChecker::wrong_type(const std::string& key, const Value& value,
                               std::string_view allowed) {
  findings_.problems.add(value.at, "[{}] {} is {}; {} is allowed", key, plain_text(value),
                         type_name(value), allowed);
  return value;
}

}  // namespace medsweep::sweeps
