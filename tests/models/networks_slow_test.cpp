#include "tests/models/every_network.h"

namespace medsweep::models::every_network {

INSTANTIATE_TEST_SUITE_P(
    OnBackbone, EveryNetwork,
    testing::Combine(testing::ValuesIn(network_names(NetworkWeight::kOnBackbone)),
                     testing::Values("batch"), testing::Values("none")),
    name_of_case);
INSTANTIATE_TEST_SUITE_P(OfVolumes, EveryNetwork,
                         testing::Combine(testing::ValuesIn(network_names(NetworkWeight::kVolumes)),
                                          testing::Values("batch"), testing::Values("none")),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(
    OtherNormalizations, EveryNetwork,
    testing::Combine(testing::ValuesIn(network_names(NetworkWeight::kOnBackbone)),
                     testing::Values("frozen_batch", "instance", "group", "none"),
                     testing::Values("none")),
    name_of_case);
INSTANTIATE_TEST_SUITE_P(Heavy, EveryNetwork,
                         testing::Combine(testing::ValuesIn(network_names(NetworkWeight::kHeavy)),
                                          testing::Values("batch", "group"),
                                          testing::Values("none")),
                         name_of_case);

INSTANTIATE_TEST_SUITE_P(Attended, EveryNetwork,
                         testing::Combine(testing::ValuesIn(attended_names(
                                              {NetworkWeight::kLight, NetworkWeight::kOnBackbone,
                                               NetworkWeight::kHeavy, NetworkWeight::kVolumes},
                                              "scse")),
                                          testing::Values("batch"), testing::Values("scse")),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(
    AttendedVolumes, EveryNetwork,
    testing::Combine(testing::ValuesIn(attended_names({NetworkWeight::kVolumes}, "dual")),
                     testing::Values("batch"), testing::Values("project_excite", "dual")),
    name_of_case);
INSTANTIATE_TEST_SUITE_P(
    GatedVolumes, EveryNetwork,
    testing::Combine(testing::ValuesIn(attended_names({NetworkWeight::kVolumes}, "attention_gate")),
                     testing::Values("batch"), testing::Values("attention_gate")),
    name_of_case);

}  // namespace medsweep::models::every_network
