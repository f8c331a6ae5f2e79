#include "tests/sweeps/example_schema.h"

#include <gtest/gtest.h>

#include <array>

namespace medsweep::sweeps {
namespace {

constexpr std::array kSe{Knob{"reduction", KnobType::kInteger, "16", "of the channels", 1},
                         Knob{"place", KnobType::kStrings, "[\"encoder\"]", "where"}};
constexpr std::array kPam{Knob{"slice_reduction", KnobType::kInteger, "16", "of slices", 1},
                          Knob{"channel_reduction", KnobType::kInteger, "8", "of channels", 1},
                          Knob{"place", KnobType::kStrings, "[\"encoder\"]", "where"}};
constexpr std::array kPlace{Knob{"place", KnobType::kStrings, "[\"skip\"]", "where"}};
constexpr std::array kSgd{Knob{"learning_rate", KnobType::kNumber, "0.01", "of a step", 0},
                          Knob{"momentum", KnobType::kNumber, "0", "of the past", 0, 1},
                          Knob{"weight_decay", KnobType::kNumber, "0", "towards zero", 0}};
constexpr std::array kAdam{Knob{"learning_rate", KnobType::kNumber, "0.001", "of a step", 0},
                           Knob{"weight_decay", KnobType::kNumber, "0", "towards zero", 0}};
constexpr std::array kStep{Knob{"every_epochs", KnobType::kInteger, "10", "between steps", 1},
                           Knob{"factor", KnobType::kNumber, "0.1", "of a step", 0, 1}};
constexpr std::array kBlur{Knob{"sigma", KnobType::kNumber, "1", "in pixels", 0}};
constexpr std::array kSmooth{Knob{"smooth", KnobType::kNumber, "1", "in both parts", 0}};
constexpr std::array kWidth{Knob{"width", KnobType::kInteger, "64", "channels at the top", 1}};

NamedRow row(std::string_view name, std::string_view label, std::string_view sources,
             std::span<const Knob> options = {}) {
  return {{name, label, sources, "a row of a test"}, options};
}

Knob words(std::string_view key, std::string_view standard, std::string_view sentence,
           std::string_view choices) {
  Knob knob{key, KnobType::kString, standard, sentence};
  knob.choices = choices;
  return knob;
}

Knob of_the_run(Knob knob) {
  knob.use = KnobUse::kRun;
  return knob;
}

std::map<std::string, Kind> example_kinds() {
  return {
      {"model",
       {"model",
        {row("unet", "unet", "models/unet", kWidth), row("retina_unet", "retina", "models/retina"),
         row("mask_rcnn", "maskrcnn", "models/mask_rcnn"), row("unet3d", "unet3d", "models/unet3d"),
         row("vnet", "vnet", "models/vnet")}}},
      {"backbone",
       {"backbone",
        {row("resnet50", "r50", "models/resnet"), row("resnet101", "r101", "models/resnet"),
         row("none", "none", "")}}},
      {"attention",
       {"attention",
        {row("none", "none", ""), row("se", "se", "models/se", kSe),
         row("project_excite", "pe", "models/pe", kPlace),
         row("attention_gate", "ag", "models/ag", kPlace), row("pam", "pam", "models/pam", kPam),
         row("self_attention", "selfattn", "models/self_attention"),
         row("relative_self_attention", "relattn", "models/self_attention")}}},
      {"feature_share",
       {"feature_share",
        {row("none", "none", ""), row("mean", "mean", "models/share"),
         row("concat", "concat", "models/share")}}},
      {"augmentation",
       {"augmentation",
        {row("none", "none", ""), row("flip_rotate", "fliprot", "datasets/flip"),
         row("blur", "blur", "datasets/blur", kBlur)}}},
      {"loss",
       {"loss",
        {row("dice", "dice", "models/dice", kSmooth), row("cross_entropy", "ce", "models/ce")}}},
      {"optimizer",
       {"optimizer",
        {row("sgd", "sgd", "runner/optimizers", kSgd),
         row("adam", "adam", "runner/optimizers", kAdam)}}},
      {"schedule",
       {"schedule",
        {row("constant", "constant", "runner/schedules"),
         row("step", "step", "runner/schedules", kStep),
         row("cosine", "cosine", "runner/schedules")}}},
  };
}

std::vector<Knob> example_knobs() {
  return {
      {"dataset", KnobType::kDatasets, "", "what to train on"},
      {"model", KnobType::kName, "", "the network"},
      {"classes", KnobType::kStrings, "[]", "which classes"},
      {"epochs", KnobType::kInteger, "10", "over the data", 1},
      {"batch_size", KnobType::kInteger, "8", "of all ranks", 1},
      {"micro_batch_size", KnobType::kInteger, "0", "of one pass", 0},
      {"patch", KnobType::kIntegersOrName, "\"none\"", "size of a patch", 1, 4096, "none"},
      words("activation", "\"softmax\"", "of the output", "softmax sigmoid"),
      {"optimizer", KnobType::kName, "\"sgd\"", "of the weights"},
      {"schedule", KnobType::kName, "\"constant\"", "of the learning rate"},
      {"loss", KnobType::kNames, "\"cross_entropy\"", "a weighted sum"},
      {"augmentation", KnobType::kNameList, "\"none\"", "of the images"},
      words("color_mode", "\"rgb\"", "of the images", "rgb gray green"),
      words("precision", "\"auto\"", "of the arithmetic", "auto bf16 fp32"),
      {"profile", KnobType::kString, "\"none\"", "a set of defaults"},
      {"stages", KnobType::kStages, "[]", "of the training"},
      {"tasks", KnobType::kStringLists, "[]", "classes of each"},
      {"attention", KnobType::kName, "\"none\"", "of the features"},
      {"feature_share", KnobType::kName, "\"none\"", "between tasks"},
      {"backbone", KnobType::kName, "\"none\"", "of the network"},
      {"weights", KnobType::kFile, "\"none\"", "to start from"},
      {"deterministic", KnobType::kBoolean, "true", "the same bits"},
      of_the_run({"ranks_per_trial", KnobType::kInteger, "1", "that train one trial", 1}),
  };
}

}  // namespace

Schema example_schema() {
  Schema schema;
  schema.knobs = example_knobs();
  schema.kinds = example_kinds();
  for (const std::string_view metric :
       {"dice", "mask_iou", "mask_ap50", "both_lungs_found", "seconds_per_image"})
    schema.metrics.rows.push_back(row(metric, metric, ""));
  schema.resolved["precision"]["auto"] = "bf16";
  for (const auto& [key, kind] : schema.kinds)
    for (const NamedRow& named : kind.rows)
      schema.source_digests[std::string(named.row.sources)] =
          "digest of " + std::string(named.row.sources);
  schema.source_digests["runner/trainer"] = "digest of the trainer";
  schema.common_sources = {"runner/trainer"};
  schema.without_effect = [](std::string_view knobs) {
    const bool unet = knobs.find("\"model\":{\"name\":\"unet\"") != std::string_view::npos;
    return unet ? std::vector<std::string>{"backbone", "feature_share"}
                : std::vector<std::string>{};
  };
  schema.data_digest = [](const std::string& path) -> std::optional<std::string> {
    if (path.find("missing") != std::string::npos) return std::nullopt;
    return "digest of " + std::filesystem::path(path).filename().string();
  };
  return schema;
}

Schema first_version_schema() {
  Schema schema = example_schema();
  std::erase_if(schema.knobs, [](const Knob& knob) {
    return knob.key == "attention" || knob.key == "feature_share" || knob.key == "backbone" ||
           knob.key == "stages" || knob.key == "profile" || knob.key == "tasks";
  });
  std::erase_if(schema.kinds["model"].rows,
                [](const NamedRow& named) { return !named.row.name.ends_with("unet"); });
  return schema;
}

Study load_text(std::string_view text, const StudyOptions& options, const Schema& schema) {
  static int number = 0;
  const StudyFolder folder("load_text_" + std::to_string(++number));
  std::string whole(text);
  if (whole.find("name = \"study\"") == std::string::npos && !whole.starts_with("name"))
    whole = "name = \"study\"\n" + whole;
  return load_study(folder.write("study.toml", whole), schema, options);
}

std::vector<std::string> problems_of(std::string_view text, const StudyOptions& options) {
  try {
    load_text(text, options);
  } catch (const StudyError& error) {
    return error.problems();
  }
  ADD_FAILURE() << "no problem in:\n" << text;
  return {};
}

std::vector<std::string> names_of(const Study& study) {
  std::vector<std::string> names;
  for (const Trial& trial : study.trials) names.push_back(trial.name);
  return names;
}

}  // namespace medsweep::sweeps
