#include "runner/ensemble/trial_ensemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "runner/ensemble/combine_labels.h"
#include "runner/evaluation.h"
#include "runner/group_error.h"
#include "runner/trial_data.h"
#include "runner/trial_evaluation.h"

namespace medsweep::runner {
namespace {

using datasets::SegmentationDataset;

models::Prediction combined_labels(const std::vector<models::Prediction>& predictions,
                                   std::int64_t classes, const LabelEnsemble& ensemble) {
  std::vector<torch::Tensor> maps, probabilities;
  for (const models::Prediction& prediction : predictions) {
    maps.push_back(prediction.labels);
    probabilities.push_back(prediction.probabilities);
  }
  if (ensemble.method != EnsembleMethod::kMean)
    return {{}, combine_labels(maps, classes, ensemble)};
  return {mean_probabilities(probabilities), combine_probabilities(probabilities, ensemble)};
}

/// Classes that overlap are put together one by one.
models::Prediction combined_class_maps(const std::vector<models::Prediction>& predictions,
                                       const LabelEnsemble& ensemble) {
  models::Prediction whole;
  std::vector<torch::Tensor> maps, probabilities;
  whole.labels = torch::zeros_like(predictions.front().class_maps[0]);
  for (std::int64_t i = 0; i < predictions.front().class_maps.size(0); ++i) {
    std::vector<models::Prediction> of_class;
    for (const models::Prediction& one : predictions)
      of_class.push_back({one.probabilities.narrow(0, i, 1), one.class_maps[i]});
    const models::Prediction together = combined_labels(of_class, 1, ensemble);
    maps.push_back(together.labels);
    if (together.probabilities.defined()) probabilities.push_back(together.probabilities);
    whole.labels.masked_fill_(together.labels.ne(0), i + 1);
  }
  whole.class_maps = torch::stack(maps);
  if (!probabilities.empty()) whole.probabilities = torch::cat(probabilities);
  return whole;
}

void check_member(const TrainedModel& first, const TrainedModel& member) {
  if (member.tasks() != first.tasks())
    throw std::invalid_argument(
        fmt::format("[ensemble] {} and {} learned other classes or tasks; the same are allowed",
                    first.name(), member.name()));
  if (member.finds_objects() != first.finds_objects())
    throw std::invalid_argument(
        fmt::format("[ensemble] of {} and {} only one finds objects; all or none are allowed",
                    first.name(), member.name()));
}

/// Names of a pool's samples are unique.
std::int64_t position_in(const datasets::DataPool& pool, const std::string& name) {
  const auto found = std::ranges::find(pool.samples(), name, &datasets::SampleId::name);
  if (found == pool.samples().end())
    throw std::logic_error("[ensemble] no sample " + name + " in the pool");
  return found - pool.samples().begin();
}

bool stores_objects(const datasets::DataPool& pool, const SegmentationDataset& samples) {
  const datasets::RawSample first = pool.read(position_in(pool, samples.id(0).name));
  return first.instances.defined();
}

ObjectsPerClass objects_per_class(const TrialSettings& settings, const datasets::DataPool& pool,
                                  const SegmentationDataset& samples) {
  const bool many = settings.objects == "component" ||
                    (settings.objects == "auto" && stores_objects(pool, samples));
  return many ? ObjectsPerClass::kMany : ObjectsPerClass::kOne;
}

Spacing spacing_in(const SegmentationDataset& samples) {
  for (std::int64_t i = 0; i < samples.size(); ++i)
    if (samples.id(i).spacing.empty()) return Spacing::kUnknown;
  return Spacing::kKnown;
}

}  // namespace

models::Prediction combined(const std::vector<models::Prediction>& predictions,
                            const datasets::Extent& image, std::int64_t classes,
                            const TrialEnsembleOptions& options) {
  if (predictions.empty())
    throw std::invalid_argument("[ensemble] no predictions; one or more are allowed");
  const auto with_objects = std::ranges::count_if(
      predictions, [](const models::Prediction& one) { return !one.detections.empty(); });
  const LabelEnsemble labels{.method = options.method, .minimum_votes = options.minimum_votes};
  if (with_objects == 0 && predictions.front().class_maps.defined())
    return combined_class_maps(predictions, labels);
  if (with_objects == 0) return combined_labels(predictions, classes, labels);
  if (with_objects != std::ssize(predictions))
    throw std::invalid_argument(
        "[ensemble] objects and label maps; predictions of one kind are allowed");
  DetectionEnsemble ensemble{.method = options.method,
                             .objects = options.objects.value_or(ObjectsPerClass::kOne),
                             .minimum_votes = options.minimum_votes};
  models::Prediction whole;
  for (const auto& [task, first] : predictions.front().detections) {
    std::vector<models::Detections> found;
    for (const models::Prediction& prediction : predictions)
      found.push_back(prediction.detections.at(task));
    whole.detections[task] = combine_detections(found, image, ensemble);
  }
  return whole;
}

TrialEnsemble::TrialEnsemble(const std::vector<TrainedTrial>& trials,
                             const TrialEnsembleOptions& options)
    : options_(options), votes_(needed_votes(options.minimum_votes, trials.size())) {
  if (trials.empty()) throw std::invalid_argument("[ensemble] no trials; one or more are allowed");
  for (const TrainedTrial& trial : trials) {
    for (const auto& member : members_)
      if (member->trial().weights == trial.weights)
        throw std::invalid_argument(
            fmt::format("[ensemble] {} twice; different trials are allowed", member->name()));
    members_.push_back(std::make_unique<TrainedModel>(trial));
    check_member(*members_.front(), *members_.back());
  }
}

JudgedSamples TrialEnsemble::labelled_samples(const std::filesystem::path& data) const {
  const TrainedModel& first = *members_.front();
  const auto annotation =
      first.finds_objects() ? datasets::Annotation::kObjects : datasets::Annotation::kLabels;
  const auto pool = std::make_shared<const datasets::DataPool>(std::vector{
      datasets::pool_member(std::make_shared<const datasets::DataFile>(data), 1, annotation)});
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < std::ssize(pool->samples()); ++i)
    if (pool->labelled(i)) indices.push_back(i);
  if (indices.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no sample with labels; an ensemble is judged by labelled data", data.string()));
  datasets::SampleOptions options = sample_options(first.trial().settings);
  if (options.tasks.empty()) options.classes = first.classes();
  return {pool, std::make_shared<const SegmentationDataset>(pool, indices, options,
                                                            datasets::SampleMode::kEvaluate)};
}

EvaluationScores TrialEnsemble::evaluate(const JudgedSamples& judged,
                                         const JudgingSite& site) const {
  const TrainedModel& first = *members_.front();
  const TrialSettings& settings = first.trial().settings;
  const SegmentationDataset& samples = *judged.samples;
  TrialEnsembleOptions options = options_;
  on_all_ranks(site.group, [&] {
    if (first.finds_objects() && !options.objects)
      options.objects = objects_per_class(settings, *judged.pool, samples);
  });
  const Predictor predictor = [&](const std::vector<datasets::EvaluationSample>& asked) {
    models::Predictions whole;
    for (const datasets::EvaluationSample& sample : asked) {
      if (site.stop_requested && site.stop_requested()) throw StopRequested();
      const datasets::RawSample stored =
          judged.pool->read(position_in(*judged.pool, sample.sample.id.name));
      models::Predictions predictions;
      for (const auto& member : members_) predictions.push_back(member->predict(stored));
      whole.push_back(
          combined(predictions, sample.placement.original, std::ssize(first.classes()), options));
    }
    return whole;
  };
  const std::vector<std::string> metrics = finished_metrics(settings, spacing_in(samples));
  return first.finds_objects()
             ? evaluate_objects(predictor, samples, metrics, site.group)
             : scores_of(runner::evaluate(predictor, samples, metrics, site.group), metrics);
}

}  // namespace medsweep::runner
