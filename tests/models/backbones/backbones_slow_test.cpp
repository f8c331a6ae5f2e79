#include "tests/models/backbones/every_backbone.h"

namespace medsweep::models::every_backbone {

INSTANTIATE_TEST_SUITE_P(OfTheSameFamilies, EveryBackbone, testing::ValuesIn(backbone_names(true)),
                         [](const auto& info) { return info.param; });

}  // namespace medsweep::models::every_backbone
