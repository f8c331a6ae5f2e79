#include "runner/settings.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace medsweep::runner {
namespace {

using Json = nlohmann::json;

template <typename T>
std::vector<T> list_of(const Json& value) {
  if (value.is_array()) return value.get<std::vector<T>>();
  return {value.get<T>()};
}

Named named_from(const Json& value) {
  if (value.is_string()) return {value.get<std::string>(), {}};
  return {value.at("name").get<std::string>(), value};
}

std::vector<Named> named_list_from(const Json& value) {
  if (!value.is_array()) return {named_from(value)};
  std::vector<Named> names;
  for (const Json& element : value) names.push_back(named_from(element));
  return names;
}

std::vector<DataSource> sources_from(const Json& value) {
  std::vector<DataSource> sources;
  for (const Json& element : value.is_array() ? value : Json::array({value}))
    sources.push_back(element.is_string() ? DataSource{element.get<std::string>(), 1}
                                          : DataSource{element.at("file").get<std::string>(),
                                                       element.value("weight", 1.0)});
  return sources;
}

void read_data(const Json& knobs, TrialSettings& settings) {
  settings.dataset = sources_from(knobs.at("dataset"));
  settings.classes = list_of<std::string>(knobs.at("classes"));
  settings.color_mode = named_from(knobs.at("color_mode")).name;
  settings.normalize = named_from(knobs.at("normalize")).name;
  settings.augmentation = named_list_from(knobs.at("augmentation"));
  settings.resize = named_from(knobs.at("resize")).name;
  settings.size = list_of<std::int64_t>(knobs.at("size"));
  settings.patch = list_of<std::int64_t>(knobs.at("patch"));
  knobs.at("patches_per_image").get_to(settings.patches_per_image);
  knobs.at("foreground").get_to(settings.foreground);
  knobs.at("overlap").get_to(settings.overlap);
  knobs.at("mirror").get_to(settings.mirror);
  settings.tasks = knobs.at("tasks");
  knobs.at("profile").get_to(settings.profile);
  settings.objects = named_from(knobs.at("objects")).name;
  settings.split = knobs.value("split", Json::object());
}

void read_model(const Json& knobs, TrialSettings& settings) {
  settings.model = named_from(knobs.at("model"));
  settings.backbone = named_from(knobs.at("backbone"));
  settings.attention = named_from(knobs.at("attention"));
  settings.feature_share = named_from(knobs.at("feature_share"));
  knobs.at("train_layers").get_to(settings.train_layers);
  knobs.at("activation").get_to(settings.activation);
  settings.init = named_from(knobs.at("init")).name;
  knobs.at("weights").get_to(settings.weights);
  settings.weights_exclude = list_of<std::string>(knobs.at("weights_exclude"));
  knobs.at("weights_stem").get_to(settings.weights_stem);
  settings.loss = named_list_from(knobs.at("loss"));
  knobs.at("threshold").get_to(settings.threshold);
  knobs.at("threshold_on").get_to(settings.threshold_on);
  knobs.at("batch_statistics").get_to(settings.batch_statistics);
  knobs.at("precision").get_to(settings.precision);
  knobs.at("channels_last").get_to(settings.channels_last);
}

/// The study's stages, whose epochs are then the trial's; or the one that it is without them.
void read_stages(const Json& stages, TrialSettings& settings) {
  for (const Json& stage : stages) {
    settings.stages.push_back(
        {stage.value("layers", settings.train_layers), stage.value("epochs", std::int64_t{1}), {}});
    if (stage.contains("learning_rate"))
      settings.stages.back().learning_rate = stage.at("learning_rate").get<double>();
  }
  if (settings.stages.empty()) {
    settings.stages.push_back({settings.train_layers, settings.epochs, {}});
    return;
  }
  settings.epochs = 0;
  for (const StageSettings& stage : settings.stages) settings.epochs += stage.epochs;
}

void read_training(const Json& knobs, TrialSettings& settings) {
  knobs.at("epochs").get_to(settings.epochs);
  read_stages(knobs.at("stages"), settings);
  knobs.at("batch_size").get_to(settings.batch_size);
  knobs.at("micro_batch_size").get_to(settings.micro_batch_size);
  knobs.at("shards").get_to(settings.shards);
  knobs.at("last_batch").get_to(settings.last_batch);
  knobs.at("group_by").get_to(settings.group_by);
  settings.optimizer = named_from(knobs.at("optimizer"));
  settings.schedule = named_from(knobs.at("schedule"));
  knobs.at("gradient_clip").get_to(settings.gradient_clip);
  knobs.at("checkpoint_every").get_to(settings.checkpoint_every);
  knobs.at("keep_checkpoints").get_to(settings.keep_checkpoints);
  knobs.at("workers").get_to(settings.workers);
  knobs.at("stage").get_to(settings.stage);
  knobs.at("cache").get_to(settings.cache);
  knobs.at("cache_gib").get_to(settings.cache_gib);
  knobs.at("threads").get_to(settings.threads);
  knobs.at("ranks_per_trial").get_to(settings.ranks_per_trial);
}

void read_evaluation(const Json& knobs, TrialSettings& settings) {
  settings.metrics = list_of<std::string>(knobs.at("metrics"));
  const Json evaluate = knobs.value("evaluate", Json::object());
  settings.evaluate.checkpoint = evaluate.value("checkpoint", std::string("last"));
  if (evaluate.contains("datasets"))
    settings.evaluate.datasets = list_of<std::string>(evaluate.at("datasets"));
  settings.evaluate.every_epochs = epochs_of(evaluate.value("every", std::string("1 epoch")));
  settings.early_stop = knobs.value("early_stop", Json::object());
}

}  // namespace

std::string Named::name_of(const char* key, const std::string& otherwise) const {
  return options.contains(key) ? named_from(options.at(key)).name : otherwise;
}

std::int64_t epochs_of(const std::string& text) {
  std::size_t end = 0;
  std::int64_t epochs = 0;
  try {
    epochs = std::stoll(text, &end);
  } catch (const std::logic_error&) {
    end = 0;  // reported below, with the whole text
  }
  const std::string unit = text.substr(end);
  if (end == 0 || epochs < 1 || (unit != " epoch" && unit != " epochs"))
    throw std::invalid_argument(
        fmt::format("[evaluate.every] \"{}\"; \"1 epoch\", \"5 epochs\" ... are allowed", text));
  return epochs;
}

TrialSettings read_settings(const sweeps::Trial& trial) {
  TrialSettings settings;
  settings.name = trial.name;
  settings.identity = trial.identity;
  settings.seed = trial.seed;
  settings.fold = trial.fold;
  try {
    const Json knobs = Json::parse(trial.knobs);
    read_data(knobs, settings);
    read_model(knobs, settings);
    read_training(knobs, settings);
    read_evaluation(knobs, settings);
  } catch (const Json::exception& error) {
    throw std::runtime_error(
        fmt::format("[trial {}] its knobs cannot be read: {}; freeze the "
                    "study anew",
                    trial.name, error.what()));
  }
  return settings;
}

}  // namespace medsweep::runner
