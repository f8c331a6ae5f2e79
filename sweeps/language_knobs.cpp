#include "sweeps/language_knobs.h"

namespace medsweep::sweeps {
namespace {

constexpr Knob kSplit[] = {
    {"test", KnobType::kSamples, "", "the samples to test on: none unless given"},
    {"validation", KnobType::kSamples, "0.2", "the samples to choose checkpoints by"},
    {.key = "by",
     .type = KnobType::kString,
     .default_value = "\"patient\"",
     .sentence = "what stays together",
     .choices = "patient source sample"},
    {.key = "stratify",
     .type = KnobType::kString,
     .default_value = "",
     .sentence = "what every part has its share of",
     .choices = "group"},
    {"seed", KnobType::kInteger, "0", "of the drawing of the parts", 0},
};

constexpr Knob kEvaluate[] = {
    {"checkpoint", KnobType::kString, "\"last\"", "which one is tested: last or best:METRIC"},
    {"datasets", KnobType::kFiles, "[]", "test sets independent of what was trained on"},
    {"every", KnobType::kString, "\"1 epoch\"", "how often the validation part is evaluated"},
    {.key = "pictures",
     .type = KnobType::kInteger,
     .default_value = "0",
     .sentence = "overlays of so many samples",
     .minimum = 0,
     .use = KnobUse::kRun},
};

constexpr Knob kEarlyStop[] = {
    {"metric", KnobType::kString, "", "of the validation part"},
    {"patience", KnobType::kInteger, "", "evaluations without a better value", 1},
};

constexpr Knob kKnobs[] = {
    {"seed", KnobType::kInteger, "0", "of everything random", 0},
    {"fold", KnobType::kInteger, "-1", "of a cross-validation; -1: none", -1},
    {.key = "split",
     .type = KnobType::kOptions,
     .default_value = "{}",
     .sentence = "which samples train, validate and test",
     .options = kSplit},
    {.key = "evaluate",
     .type = KnobType::kOptions,
     .default_value = "{}",
     .sentence = "what is measured, and when",
     .options = kEvaluate},
    {.key = "early_stop",
     .type = KnobType::kOptions,
     .default_value = "{}",
     .sentence = "ends a trial whose metric no longer improves",
     .options = kEarlyStop},
};

}  // namespace

std::span<const Knob> language_knobs() { return kKnobs; }

}  // namespace medsweep::sweeps
