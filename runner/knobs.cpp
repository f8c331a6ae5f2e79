#include "runner/knobs.h"

#include <fmt/format.h>

#include <array>

#include "datasets/augmentation/augmentation.h"
#include "datasets/color_mode.h"
#include "datasets/converters/converters.h"
#include "datasets/objects.h"
#include "datasets/resize.h"
#include "models/attention/attention.h"
#include "models/backbones/backbones.h"
#include "models/init.h"
#include "models/layers/normalization.h"
#include "models/losses/losses.h"
#include "models/mask_rcnn/rcnn_networks.h"
#include "models/precision.h"
#include "models/segmentation/networks.h"
#include "runner/ensemble/methods.h"
#include "runner/knob_options.h"
#include "runner/metrics/all_metrics.h"
#include "runner/optimizer.h"
#include "runner/schedule.h"
#include "runner/source_digests.h"
#include "runner/trial_rules.h"

namespace medsweep::runner {
namespace {

using enum sweeps::KnobType;
using sweeps::Knob;
using sweeps::KnobUse;

// Every knob of a trial, in the order of `runner list knobs`. Keys are the fields of TrialSettings.
constexpr std::array kKnobs{
    Knob{"dataset", kDatasets, "", "data file, or a list of { file, weight } that are pooled"},
    Knob{"model", kName, "", "the network"},
    Knob{"backbone", kName, "\"none\"", "the encoder of networks that take one"},
    Knob{"attention", kName, "\"none\"", "the attention module and where it stands"},
    Knob{"feature_share", kName, "\"none\"", "how two tasks share features"},
    Knob{.key = "profile",
         .type = kString,
         .default_value = "\"torchvision\"",
         .sentence = "torchvision | matterport: the conventions of networks that find objects",
         .choices = "torchvision matterport"},
    Knob{.key = "train_layers",
         .type = kString,
         .default_value = "\"all\"",
         .sentence = "all | resnet3+ | resnet4+ | resnet5+ | heads | rpn: what is not frozen",
         .choices = "all resnet3+ resnet4+ resnet5+ heads rpn"},
    Knob{"classes", kStrings, "[]", "classes to learn, in this order; [] takes all of the data's"},
    Knob{"tasks", kStringLists, "[]", "lists of classes, one a task; [] is one task of all"},
    Knob{"objects", kName, "\"auto\"", "what networks that find objects are to find"},
    Knob{"color_mode", kName, "\"rgb\"", "what of an image's colours the network sees"},
    Knob{"normalize", kName, "\"zscore\"", "what is done to an image's values"},
    Knob{"augmentation", kNameList, "\"none\"",
         "how training images are varied; a list in its order"},
    Knob{"resize", kName, "\"none\"", "how images come to `size`"},
    Knob{"size", kIntegers, "[]", "[height, width] for resize", 1},
    Knob{"patch", kIntegers, "[]",
         "[height, width], of volumes [depth, height, width] of training patches; [] "
         "takes whole samples",
         1},
    Knob{"patches_per_image", kInteger, "1", "patches drawn from an image in an epoch", 1},
    Knob{"foreground", kNumber, "0.0", "share of patches centred on a foreground pixel", 0, 1},
    Knob{"overlap", kNumber, "0.5", "of sliding windows in prediction", 0, 0.95},
    Knob{"mirror", kBoolean, "false",
         "predict the mean over all mirrorings: 4 of images, 8 of volumes"},
    Knob{"loss", kNames, "\"dice_ce\"", "what is minimised; a list is a weighted sum"},
    Knob{.key = "activation",
         .type = kString,
         .default_value = "\"auto\"",
         .sentence = "softmax | sigmoid | auto (sigmoid with bce)",
         .choices = "auto softmax sigmoid"},
    Knob{"threshold", kNumber, "0.5", "above which sigmoid says foreground"},
    Knob{.key = "threshold_on",
         .type = kString,
         .default_value = "\"probability\"",
         .sentence = "probability | logit: what the threshold is compared with",
         .choices = "probability logit"},
    Knob{"init", kName, "\"default\"", "how weights start"},
    Knob{"weights", kFile, "\"\"",
         "start from this .safetensors or .pth file, \"imagenet\", \"imagenet_v2\", \"coco\", "
         "\"trial:NAME\" or \"last\""},
    Knob{"weights_exclude", kStrings, "[]", "tensors, modules or patterns not taken from it"},
    Knob{.key = "weights_stem",
         .type = kString,
         .default_value = "\"sum\"",
         .sentence = "sum | mean: how a first layer for RGB becomes one for grey images",
         .choices = "sum mean"},
    Knob{"epochs", kInteger, "10", "passes over the training samples", 1},
    Knob{"stages", kStages, "[]", "training in stages of { layers, epochs, learning_rate }"},
    Knob{"batch_size", kInteger, "8", "samples a step over all ranks", 1},
    Knob{"micro_batch_size", kInteger, "0", "samples a rank holds at once; 0: all of its own", 0},
    Knob{"shards", kInteger, "0", "logical shards of a batch for batch_statistics = per_shard", 0},
    Knob{.key = "batch_statistics",
         .type = kString,
         .default_value = "\"synchronized\"",
         .sentence = "synchronized (over ranks) | per_shard | frozen",
         .choices = "synchronized per_shard frozen"},
    Knob{.key = "last_batch",
         .type = kString,
         .default_value = "\"keep\"",
         .sentence = "keep | drop an epoch's incomplete batch",
         .choices = "keep drop"},
    Knob{.key = "group_by",
         .type = kString,
         .default_value = "\"none\"",
         .sentence = "none | aspect_ratio: batches of images of alike shape, which pad less",
         .choices = "none aspect_ratio"},
    Knob{"optimizer", kName, "\"adam\"", "the update rule"},
    Knob{"schedule", kName, "\"constant\"", "the learning rate over time"},
    Knob{"gradient_clip", kNumber, "0.0", "largest global gradient norm; 0: unbounded", 0},
    Knob{.key = "precision",
         .type = kString,
         .default_value = "\"auto\"",
         .sentence = "fp32 | bf16 | auto (bf16 where the processor has it)",
         .choices = "auto fp32 bf16"},
    Knob{"channels_last", kBoolean, "true", "memory order of images and weights"},
    Knob{.key = "metrics",
         .type = kStrings,
         .default_value = "[]",
         .sentence = "metrics of each case; [] takes all that the data allows",
         .use = KnobUse::kRun},
    Knob{.key = "checkpoint_every",
         .type = kNumber,
         .default_value = "600.0",
         .sentence = "seconds between checkpoints within an epoch",
         .minimum = 0,
         .use = KnobUse::kRun},
    Knob{.key = "keep_checkpoints",
         .type = kInteger,
         .default_value = "1",
         .sentence = "older checkpoints to keep beside last and best",
         .minimum = 0,
         .use = KnobUse::kRun},
    Knob{.key = "workers",
         .type = kInteger,
         .default_value = "1",
         .sentence = "loader threads a rank",
         .minimum = 0,
         .maximum = 64,
         .use = KnobUse::kRun},
    Knob{.key = "stage",
         .type = kString,
         .default_value = "\"auto\"",
         .sentence = "auto | off | folder: one copy of the data a node, on its own disk",
         .use = KnobUse::kRun},
    Knob{.key = "cache",
         .type = kString,
         .default_value = "\"rank\"",
         .sentence = "rank (decoded samples are kept, up to cache_gib) | none",
         .choices = "rank none",
         .use = KnobUse::kRun},
    Knob{.key = "cache_gib",
         .type = kNumber,
         .default_value = "1.0",
         .sentence = "GiB of decoded samples that a rank keeps",
         .minimum = 0,
         .use = KnobUse::kRun},
    Knob{.key = "threads",
         .type = kInteger,
         .default_value = "0",
         .sentence = "compute threads a rank; 0: its share of the cores",
         .minimum = 0,
         .use = KnobUse::kRun},
    Knob{.key = "ranks_per_trial",
         .type = kInteger,
         .default_value = "1",
         .sentence = "ranks that train one trial together",
         .minimum = 1,
         .use = KnobUse::kRun},
};

sweeps::Kind make_kind(std::string_view name, const std::vector<Row>& rows) {
  sweeps::Kind kind{name, {}};
  for (const Row& row : rows) kind.rows.push_back({row, options_of(name, row.name)});
  return kind;
}

// Kinds whose members come with later versions: the name `none` is all that can be said.
std::vector<Row> none_only(std::string_view sentence) { return {{"none", "none", "", sentence}}; }

std::vector<Row> joined(std::vector<Row> rows, const std::vector<Row>& more) {
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

std::vector<RowFact> model_facts(std::string_view row) {
  const std::int64_t dimensions = models::is_rcnn(row) ? 2 : models::network_dimensions(row);
  return {{"dimensions", fmt::format("{}", dimensions)}};
}

std::vector<RowFact> attention_facts(std::string_view row) {
  const models::AttentionTraits& traits = models::attention_traits(row);
  std::string dimensions = fmt::format("{}", traits.least_dimensions);
  if (traits.most_dimensions > traits.least_dimensions)
    dimensions += fmt::format(", {}", traits.most_dimensions);
  return {{"role", std::string(models::name_of(traits.role))}, {"dimensions", dimensions}};
}

// The file pairs behind every trial, whatever its knobs.
const std::vector<std::string> kCommonSources{
    "runner/trainer",          "runner/training_step", "runner/trial_data",
    "runner/trial_evaluation", "runner/trial_model",   "datasets/segmentation_dataset",
    "datasets/sample_views",   "datasets/loader"};

}  // namespace

std::vector<ListedKind> listed_kinds() {
  return {
      {"model", "networks", joined(models::network_rows(), models::rcnn_rows()), model_facts},
      {"normalization", "a network's normalisation layers", models::normalization_rows()},
      {"loss", "what is minimised", models::loss_rows()},
      {"init", "how weights start", models::init_rows()},
      {"color_mode", "what of an image's colours the network sees", datasets::color_mode_rows()},
      {"normalize", "what is done to an image's values", datasets::normalization_rows()},
      {"resize", "how images come to one size", datasets::resize_rows()},
      {"augmentation", "how training images are varied", datasets::augmentation_rows()},
      {"optimizer", "update rules", optimizer_rows()},
      {"schedule", "the learning rate over time", schedule_rows()},
      {"metrics", "the numbers of every case", all_metric_rows()},
      {"converters", "data sets for `runner prepare`", datasets::converter_rows()},
      {"backbone", "encoders of networks that take one",
       joined(none_only("the network's own"), models::backbone_rows())},
      {"attention", "attention modules", models::attention_rows(), attention_facts},
      {"feature_share", "how two tasks share features", models::feature_share_rows()},
      {"ensemble", "how several trials become one", ensemble_rows()},
      {"objects", "what networks that find objects are to find", datasets::object_rows()},
  };
}

std::span<const sweeps::Knob> trial_knobs() { return kKnobs; }

sweeps::Schema make_schema() {
  sweeps::Schema schema;
  schema.knobs.assign(kKnobs.begin(), kKnobs.end());
  for (const ListedKind& kind : listed_kinds()) {
    if (kind.name == "metrics")
      schema.metrics = make_kind("metric", kind.rows);
    else if (kind.name == "normalization")
      schema.kinds["model.normalization"] = make_kind("normalization", kind.rows);
    else if (kind.name != "converters")
      schema.kinds[std::string(kind.name)] = make_kind(kind.name, kind.rows);
  }
  schema.resolved["precision"]["auto"] = models::name_of(models::precision_of("auto"));
  schema.source_digests = source_digests();
  schema.common_sources = kCommonSources;
  schema.without_effect = knobs_without_effect;
  schema.refuse = refusal_of;
  schema.data_digest = data_digest_of;
  return schema;
}

}  // namespace medsweep::runner
