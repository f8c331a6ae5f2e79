#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "runner/commands/commands.h"
#include "runner/exit_codes.h"
#include "runner/knob_options.h"
#include "runner/knobs.h"
#include "runner/network_keys.h"

namespace medsweep::runner {
namespace {

using Json = nlohmann::ordered_json;

struct ListOptions {
  std::string kind;
  AnswerFormat format = AnswerFormat::kText;
  std::string keys_of;           ///< a network, whose tensors are shown
  std::vector<std::string> set;  ///< with keys_of
};

Json keys_json(const std::vector<KeyedTensor>& tensors) {
  Json list = Json::array();
  for (const KeyedTensor& tensor : tensors)
    list.push_back({{"name", tensor.name}, {"shape", tensor.shape}, {"trained", tensor.trained}});
  return list;
}

std::string keys_text(const std::vector<KeyedTensor>& tensors) {
  std::string text;
  std::int64_t parameters = 0;
  for (const KeyedTensor& tensor : tensors) {
    std::int64_t numbers = 1;
    for (const std::int64_t side : tensor.shape) numbers *= side;
    if (tensor.trained) parameters += numbers;
    text += fmt::format("{:<56} [{}]{}\n", tensor.name, fmt::join(tensor.shape, ", "),
                        tensor.trained ? "" : "  buffer");
  }
  return text + fmt::format("\n{} parameters\n", parameters);
}

std::string_view type_name(sweeps::KnobType type) {
  using enum sweeps::KnobType;
  switch (type) {
    case kBoolean:
      return "boolean";
    case kInteger:
      return "integer";
    case kNumber:
      return "number";
    case kName:
      return "name";
    case kNames:
    case kNameList:
      return "names";
    case kIntegers:
      return "integers";
    case kNumbers:
      return "numbers";
    case kStrings:
      return "strings";
    case kStringLists:
      return "lists of strings";
    case kIntegersOrName:
      return "integers or word";
    case kFile:
      return "file";
    case kFiles:
      return "files";
    case kDatasets:
      return "data files";
    case kStages:
      return "stages";
    case kSamples:
      return "samples";
    case kOptions:
      return "options";
    case kString:
    case kAny:
      break;
  }
  return "string";
}

Json json_of(const sweeps::Knob& knob) {
  return {{"name", knob.key},
          {"type", type_name(knob.type)},
          {"default", knob.default_value},
          {"sentence", knob.sentence}};
}

Json knobs_json(std::span<const sweeps::Knob> knobs) {
  Json list = Json::array();
  for (const auto& knob : knobs) list.push_back(json_of(knob));
  return list;
}

std::vector<RowFact> facts_of(const ListedKind& kind, const Row& row) {
  return kind.facts == nullptr ? std::vector<RowFact>() : kind.facts(row.name);
}

Json rows_json(const ListedKind& kind) {
  Json list = Json::array();
  for (const Row& row : kind.rows) {
    list.push_back({{"name", row.name},
                    {"short", row.short_label},
                    {"sentence", row.sentence},
                    {"options", knobs_json(options_of(kind.name, row.name))}});
    for (const RowFact& fact : facts_of(kind, row)) list.back()[std::string(fact.key)] = fact.value;
  }
  return list;
}

std::string knobs_text(std::span<const sweeps::Knob> knobs) {
  std::string text;
  for (const auto& knob : knobs)
    text +=
        fmt::format("{:<17} {:<16} {:<15} {}\n", knob.key, type_name(knob.type),
                    knob.default_value.empty() ? "(required)" : knob.default_value, knob.sentence);
  return text;
}

std::string rows_text(const ListedKind& kind) {
  std::string text;
  for (const Row& row : kind.rows) {
    text += fmt::format("{:<20} {}\n", row.name, row.sentence);
    for (const RowFact& fact : facts_of(kind, row))
      text += fmt::format("  {}: {}\n", fact.key, fact.value);
    for (const auto& option : options_of(kind.name, row.name))
      text +=
          fmt::format("  {:<22} = {:<10} {}\n", option.key, option.default_value, option.sentence);
  }
  return text;
}

std::string kinds_text(const std::vector<ListedKind>& kinds) {
  std::string text = fmt::format("{:<15} {}\n", "knobs", "everything a trial can be told");
  for (const ListedKind& kind : kinds) text += fmt::format("{:<15} {}\n", kind.name, kind.sentence);
  return text + "\nrunner list KIND shows its members and their options.\n";
}

Json kinds_json(const std::vector<ListedKind>& kinds) {
  Json list = Json::array({{{"name", "knobs"}, {"sentence", "everything a trial can be told"}}});
  for (const ListedKind& kind : kinds)
    list.push_back({{"name", kind.name}, {"sentence", kind.sentence}});
  return list;
}

int run_list(const ListOptions& options) {
  const std::vector<ListedKind> kinds = listed_kinds();
  const bool json = options.format == AnswerFormat::kJson;
  if (!options.keys_of.empty()) {
    if (options.kind != "model" && options.kind != "models")
      throw std::invalid_argument(fmt::format(
          "[list] --keys with '{}'; `runner list model --keys NAME` is allowed", options.kind));
    const std::vector<KeyedTensor> tensors = network_keys(options.keys_of, options.set);
    print(json ? keys_json(tensors).dump(2) : keys_text(tensors));
    return kDone;
  }
  if (options.kind.empty()) {
    print(json ? kinds_json(kinds).dump(2) : kinds_text(kinds));
    return kDone;
  }
  if (options.kind == "knobs") {
    print(json ? knobs_json(trial_knobs()).dump(2) : knobs_text(trial_knobs()));
    return kDone;
  }
  const auto found = std::ranges::find_if(kinds, [&](const ListedKind& kind) {
    return options.kind == kind.name || options.kind == fmt::format("{}s", kind.name);
  });
  if (found == kinds.end()) {
    std::vector<std::string_view> known{"knobs"};
    for (const ListedKind& kind : kinds) known.push_back(kind.name);
    throw std::invalid_argument(unknown_name("list", options.kind, known));
  }
  print(json ? rows_json(*found).dump(2) : rows_text(*found));
  return kDone;
}

}  // namespace

void add_list_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand("list", "the names a study may use, and their options");
  command->add_option("kind", options->kind,
                      "knobs, model, loss, metrics ...; all kinds without it");
  command->add_option("--keys", options->keys_of,
                      "with `model`: names and shapes of this network's tensors");
  command->add_option("--set", options->set, "with --keys: knobs, as attention=se model.width=32");
  add_format_option(*command, options->format);
  command->callback([&line, options] { line.chosen = [options] { return run_list(*options); }; });
}

}  // namespace medsweep::runner
