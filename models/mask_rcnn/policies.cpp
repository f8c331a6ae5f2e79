#include "models/mask_rcnn/policies.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

namespace medsweep::models {
namespace {

template <typename Policy>
using PolicyName = std::pair<std::string_view, Policy>;

template <typename Policy>
struct PolicyNames;

template <>
struct PolicyNames<RcnnVersion> {
  static constexpr std::string_view kind = "version";
  static constexpr std::array<PolicyName<RcnnVersion>, 2> names{
      {{"v1", RcnnVersion::kV1}, {"v2", RcnnVersion::kV2}}};
};

template <>
struct PolicyNames<RcnnOutputs> {
  static constexpr std::string_view kind = "outputs";
  static constexpr std::array<PolicyName<RcnnOutputs>, 2> names{
      {{"masks", RcnnOutputs::kMasks}, {"boxes", RcnnOutputs::kBoxes}}};
};

template <>
struct PolicyNames<RcnnResize> {
  static constexpr std::string_view kind = "resize";
  static constexpr std::array<PolicyName<RcnnResize>, 3> names{
      {{"none", RcnnResize::kNone},
       {"short_side", RcnnResize::kShortSide},
       {"enlarge_only", RcnnResize::kEnlargeOnly}}};
};

template <>
struct PolicyNames<ProposalLimit> {
  static constexpr std::string_view kind = "proposal_limit";
  static constexpr std::array<PolicyName<ProposalLimit>, 2> names{
      {{"per_level", ProposalLimit::kPerLevel}, {"per_image", ProposalLimit::kPerImage}}};
};

template <>
struct PolicyNames<ObjectnessScore> {
  static constexpr std::string_view kind = "objectness";
  static constexpr std::array<PolicyName<ObjectnessScore>, 2> names{
      {{"sigmoid", ObjectnessScore::kSigmoid}, {"softmax", ObjectnessScore::kSoftmax}}};
};

template <>
struct PolicyNames<AnchorCorners> {
  static constexpr std::string_view kind = "anchor_corners";
  static constexpr std::array<PolicyName<AnchorCorners>, 2> names{
      {{"rounded", AnchorCorners::kRounded}, {"exact", AnchorCorners::kExact}}};
};

template <>
struct PolicyNames<NegativeCount> {
  static constexpr std::string_view kind = "negatives";
  static constexpr std::array<PolicyName<NegativeCount>, 2> names{
      {{"fill_up", NegativeCount::kFillUp}, {"tied", NegativeCount::kTiedToPositives}}};
};

template <>
struct PolicyNames<GroundTruthProposals> {
  static constexpr std::string_view kind = "ground_truth_proposals";
  static constexpr std::array<PolicyName<GroundTruthProposals>, 2> names{
      {{"appended", GroundTruthProposals::kAppended},
       {"left_out", GroundTruthProposals::kLeftOut}}};
};

template <>
struct PolicyNames<BoxLossMean> {
  static constexpr std::string_view kind = "box_loss_mean";
  static constexpr std::array<PolicyName<BoxLossMean>, 2> names{
      {{"sampled", BoxLossMean::kOverSampled}, {"positives", BoxLossMean::kOverPositives}}};
};

template <>
struct PolicyNames<LevelRule> {
  static constexpr std::string_view kind = "level_rule";
  static constexpr std::array<PolicyName<LevelRule>, 2> names{
      {{"floor", LevelRule::kFloor}, {"round", LevelRule::kRound}}};
};

template <>
struct PolicyNames<RegionPooling> {
  static constexpr std::string_view kind = "pooling";
  static constexpr std::array<PolicyName<RegionPooling>, 2> names{
      {{"roi_align", RegionPooling::kRoiAlign},
       {"crop_and_resize", RegionPooling::kCropAndResize}}};
};

template <>
struct PolicyNames<MaskTarget> {
  static constexpr std::string_view kind = "mask_target";
  static constexpr std::array<PolicyName<MaskTarget>, 2> names{
      {{"soft", MaskTarget::kSoft}, {"rounded", MaskTarget::kRounded}}};
};

template <>
struct PolicyNames<ClassChoice> {
  static constexpr std::string_view kind = "class_choice";
  static constexpr std::array<PolicyName<ClassChoice>, 2> names{
      {{"every", ClassChoice::kEvery}, {"most_probable", ClassChoice::kMostProbable}}};
};

template <>
struct PolicyNames<FeatureShare> {
  static constexpr std::string_view kind = "share";
  static constexpr std::array<PolicyName<FeatureShare>, 4> names{
      {{"none", FeatureShare::kNone},
       {"mean", FeatureShare::kMean},
       {"concat", FeatureShare::kConcat},
       {"top_to_bottom", FeatureShare::kTopToBottom}}};
};

}  // namespace

template <typename Policy>
Policy policy_of(std::string_view name) {
  std::vector<std::string_view> known;
  for (const auto& [text, policy] : PolicyNames<Policy>::names) {
    if (text == name) return policy;
    known.push_back(text);
  }
  throw std::invalid_argument(fmt::format("[{}] '{}'; {} are allowed", PolicyNames<Policy>::kind,
                                          name, fmt::join(known, ", ")));
}

template RcnnVersion policy_of<RcnnVersion>(std::string_view);
template RcnnOutputs policy_of<RcnnOutputs>(std::string_view);
template RcnnResize policy_of<RcnnResize>(std::string_view);
template ProposalLimit policy_of<ProposalLimit>(std::string_view);
template ObjectnessScore policy_of<ObjectnessScore>(std::string_view);
template AnchorCorners policy_of<AnchorCorners>(std::string_view);
template NegativeCount policy_of<NegativeCount>(std::string_view);
template GroundTruthProposals policy_of<GroundTruthProposals>(std::string_view);
template BoxLossMean policy_of<BoxLossMean>(std::string_view);
template LevelRule policy_of<LevelRule>(std::string_view);
template RegionPooling policy_of<RegionPooling>(std::string_view);
template MaskTarget policy_of<MaskTarget>(std::string_view);
template ClassChoice policy_of<ClassChoice>(std::string_view);
template FeatureShare policy_of<FeatureShare>(std::string_view);

}  // namespace medsweep::models
