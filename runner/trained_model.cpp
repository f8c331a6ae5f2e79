#include "runner/trained_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "base/files.h"
#include "datasets/color_mode.h"
#include "results/layout.h"
#include "runner/checkpoint.h"
#include "runner/prediction.h"
#include "runner/safetensors.h"
#include "runner/trial_data.h"
#include "runner/trial_model.h"
#include "runner/trial_prediction.h"
#include "runner/trial_rcnn.h"
#include "runner/trial_weights.h"
#include "sweeps/freeze.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTrialPrefix = "trial:";
constexpr const char* kAllowed =
    "STUDY/NAME, the folder of a trial or a checkpoint of one is allowed";

std::vector<sweeps::Trial> trials_in(const fs::path& study_folder) {
  const fs::path file = results::frozen_study(study_folder);
  return sweeps::parse_frozen(read_file(file), file.string()).trials;
}

TrainedTrial trained(const std::string& study, const sweeps::Trial& trial, fs::path weights) {
  return {study, trial.name, trial.identity, read_settings(trial), std::move(weights)};
}

/// "lungs/unet+bn" in one of the runs folders.
TrainedTrial called(const std::string& text, const std::vector<fs::path>& runs) {
  const std::size_t slash = text.find('/');
  const std::string study = text.substr(0, slash);
  const std::string name = slash == std::string::npos ? "" : text.substr(slash + 1);
  for (const fs::path& folder : runs) {
    const fs::path study_folder = results::study_folder(folder, study);
    if (study.empty() || !fs::exists(results::frozen_study(study_folder))) continue;
    const std::vector<sweeps::Trial> trials = trials_in(study_folder);
    const auto trial = std::ranges::find(trials, name, &sweeps::Trial::name);
    if (trial == trials.end())
      throw std::invalid_argument(fmt::format("[{}] no trial '{}' in the study {}; {} has {}", text,
                                              name, study, study, trials.front().name));
    const auto weights = trial_weights(fmt::format("trial:{}/{}", study, name), {}, runs);
    if (weights) return trained(study, *trial, *weights);
    throw std::invalid_argument(
        fmt::format("[{}] the trial is not finished; a trained one is allowed", text));
  }
  throw std::invalid_argument(fmt::format("[{}] no such trial in {}; {}", text,
                                          runs.empty() ? "" : runs.front().string(), kAllowed));
}

/// The folder RUNS/STUDY/trials/IDENTITY that the path is or lies in; empty where there is none.
fs::path trial_folder_of(const fs::path& path) {
  for (fs::path folder = path; folder.has_relative_path(); folder = folder.parent_path())
    if (folder.parent_path().filename() == "trials") return folder;
  return {};
}

TrainedTrial lying_at(const std::string& text) {
  const fs::path path = fs::canonical(text), folder = trial_folder_of(path);
  const fs::path study_folder = folder.parent_path().parent_path();
  if (folder.empty() || !fs::exists(results::frozen_study(study_folder)))
    throw std::invalid_argument(fmt::format("[{}] lies in no study's folder; {}", text, kAllowed));
  const std::vector<sweeps::Trial> trials = trials_in(study_folder);
  const auto trial =
      std::ranges::find(trials, folder.filename().string(), &sweeps::Trial::identity);
  if (trial == trials.end())
    throw std::invalid_argument(
        fmt::format("[{}] no trial of that identity in its study; {}", text, kAllowed));
  const std::string study = study_folder.filename().string();
  const fs::path checkpoint = fs::is_directory(path) ? path : path.parent_path();
  if (path != folder && fs::exists(checkpoint / kModelFile))
    return trained(study, *trial, checkpoint / kModelFile);
  const std::string name = fmt::format("trial:{}/{}", study, trial->name);
  const auto weights = trial_weights(name, {}, {study_folder.parent_path()});
  if (!weights)
    throw std::invalid_argument(
        fmt::format("[{}] the trial is not finished; a trained one, or one of its checkpoints, is "
                    "allowed",
                    text));
  return trained(study, *trial, *weights);
}

/// What its labels are called where it has no tasks: said by the study, else by the data.
std::vector<std::string> classes_of(const TrainedTrial& trial) {
  if (!trial.settings.classes.empty()) return trial.settings.classes;
  const std::string& file = trial.settings.dataset.front().file;
  const auto summary = datasets::summarize(file);
  if (!summary)
    throw std::invalid_argument(
        fmt::format("[{}/{}] its data file {} is gone, which has the names of its classes",
                    trial.study, trial.name, file));
  return summary->classes;
}

/// Whether its classes overlap, as labels of no further meaning: prediction needs no label map.
std::vector<std::vector<std::int64_t>> regions_of(const TrainedTrial& trial) {
  const std::vector<std::string>& classes = trial.settings.classes;
  const bool may_overlap = !finds_objects(trial.settings) && classes.size() > 1 &&
                           activation_of(trial.settings) == models::Activation::kSigmoid;
  if (!may_overlap) return {};
  const std::string& file = trial.settings.dataset.front().file;
  const auto summary = datasets::summarize(file);
  if (!summary)
    throw std::invalid_argument(
        fmt::format("[{}/{}] its data file {} is gone, which says whether its classes overlap",
                    trial.study, trial.name, file));
  const bool overlap = std::ranges::any_of(classes, [&](const std::string& name) {
    return std::ranges::find(summary->classes, name) == summary->classes.end();
  });
  return overlap ? std::vector<std::vector<std::int64_t>>(classes.size(), {1})
                 : std::vector<std::vector<std::int64_t>>{};
}

std::map<std::string, std::vector<std::string>> tasks_of(const TrainedTrial& trial) {
  if (trial.settings.tasks.empty()) return {{datasets::kSegmentation, classes_of(trial)}};
  std::map<std::string, std::vector<std::string>> tasks;
  for (const auto& task : trial.settings.tasks) {
    const auto classes = task.get<std::vector<std::string>>();
    tasks[fmt::format("{}", fmt::join(classes, "+"))] = classes;
  }
  return tasks;
}

/// The sample as those of training were dressed; nobody has drawn anything in it.
datasets::EvaluationSample dressed(const datasets::RawSample& stored, const TrialSettings& settings,
                                   const std::vector<std::string>& classes) {
  const torch::Tensor& image = stored.image;
  const std::int64_t dimensions = dimensions_of(settings);
  if (image.dim() != dimensions + 1)
    throw std::invalid_argument(fmt::format("[{}] {}, of {} axes; {} takes {}", stored.id.name,
                                            image.dim() == 4 ? "a volume" : "no volume",
                                            image.dim(), settings.model.name,
                                            dimensions == 3 ? "[C, D, H, W]" : "[C, H, W]"));
  datasets::RawSample sample;
  sample.image = image;
  sample.field_of_view = stored.field_of_view;
  sample.labels = torch::zeros(image.sizes().slice(1), torch::kUInt8);
  sample.id.name = sample.id.case_name = sample.id.patient = "image";
  datasets::PoolMember member{.name = "image",
                              .classes = classes,
                              .channels = image.size(0),
                              .samples = {sample.id},
                              .sizes = {datasets::image_extent(image)},
                              .read = [sample](const auto&...) { return sample; },
                              .dimension = dimensions};
  const auto pool = std::make_shared<const datasets::DataPool>(std::vector{std::move(member)});
  return datasets::SegmentationDataset(pool, {0}, sample_options(settings),
                                       datasets::SampleMode::kEvaluate)
      .evaluate(0);
}

/// Of images as the network takes them.
std::int64_t channels_of(const TrainedTrial& trial) {
  if (trial.settings.color_mode != "all")
    return datasets::color_mode_channels(trial.settings.color_mode, 1);
  const std::string& file = trial.settings.dataset.front().file;
  const auto summary = datasets::summarize(file);
  if (!summary)
    throw std::invalid_argument(
        fmt::format("[{}/{}] its data file {} is gone, which says how many channels there are",
                    trial.study, trial.name, file));
  return summary->channels;
}

/// Its activation maps in place of probabilities, so that they come by the same way.
class ActivationView : public models::Model {
 public:
  explicit ActivationView(models::Model& model) : model_(model) {}
  models::Losses loss(const datasets::Batch& batch) override { return model_.loss(batch); }
  std::optional<models::LossWeights> loss_weights(const datasets::Batch& batch) const override {
    return model_.loss_weights(batch);
  }
  models::Predictions predict(const datasets::Batch& batch) override {
    models::Predictions views;
    for (const torch::Tensor& map : model_.activations(batch))
      views.push_back({map, label_map(map)});
    return views;
  }
  torch::Tensor label_map(const torch::Tensor& maps) const override {
    return maps.argmax(0).to(torch::kByte);
  }
  std::int64_t size_multiple() const override { return model_.size_multiple(); }
  std::int64_t smallest_side() const override { return model_.smallest_side(); }

 private:
  models::Model& model_;
};

/// In single precision, and with a loss that has no parameters: none is needed.
TrialSettings for_prediction(TrialSettings settings) {
  settings.precision = "fp32";
  if (!finds_objects(settings)) {
    settings.activation =
        activation_of(settings) == models::Activation::kSigmoid ? "sigmoid" : "softmax";
    settings.loss = {Named{"dice"}};
  }
  return settings;
}

}  // namespace

TrainedTrial trained_trial(const std::string& text, const std::vector<fs::path>& runs) {
  if (text.starts_with(kTrialPrefix)) return called(text.substr(kTrialPrefix.size()), runs);
  return fs::exists(text) ? lying_at(text) : called(text, runs);
}

TrainedModel::TrainedModel(TrainedTrial trial)
    : trial_(std::move(trial)), tasks_(tasks_of(trial_)) {
  for (const auto& [task, classes] : tasks_)
    classes_.insert(classes_.end(), classes.begin(), classes.end());
  TrialSettings settings = for_prediction(trial_.settings);
  const DataShape shape{channels_of(trial_), static_cast<std::int64_t>(classes_.size()),
                        regions_of(trial_)};
  model_ = make_model(settings, shape);
  Tensors weights = SafeTensors(trial_.weights).all();
  std::erase_if(weights, [](const auto& tensor) { return is_of_losses(tensor.first); });
  load_tensors(*model_, weights);
  model_->eval();
}

std::string TrainedModel::name() const { return fmt::format("{}/{}", trial_.study, trial_.name); }

bool TrainedModel::finds_objects() const { return runner::finds_objects(trial_.settings); }

models::Prediction TrainedModel::predict(const torch::Tensor& image) const {
  datasets::RawSample sample;
  sample.image = image;
  return predict(sample);
}

models::Prediction TrainedModel::predict(const datasets::RawSample& sample) const {
  const datasets::EvaluationSample given = dressed(sample, trial_.settings, classes_);
  const PredictionOptions options = prediction_options(trial_.settings);
  models::Prediction prediction = predict_sample(*model_, given, options);
  if (trial_.settings.attention.name == "cam") {
    ActivationView view(*model_);
    view.eval();
    prediction.activations = predict_sample(view, given, options).probabilities;
  }
  return prediction;
}

}  // namespace medsweep::runner
