#include "runner/ensemble/combine_detections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "models/operators/boxes.h"
#include "runner/ensemble/combine_labels.h"
#include "runner/ensemble/regions.h"

namespace medsweep::runner {
namespace {

constexpr double kMeanThreshold = 0.5;

/// One detection of one trial.
struct Member {
  std::size_t trial = 0;
  std::int64_t label = 0;
  float score = 0;
  torch::Tensor box{};   ///< [4]
  torch::Tensor mask{};  ///< [H, W] uint8; undefined: without masks
};

/// The detections of one object, by falling score.
using Members = std::vector<Member>;

/// What they become.
struct CombinedObject {
  std::int64_t label = 0;
  double score = 0;
  torch::Tensor box{}, mask{};
};

void check_masks_of(const models::Detections& trial, const datasets::Extent& image) {
  if (trial.scores.numel() == 0 || !trial.masks.defined()) return;
  const std::vector<std::int64_t> shape{trial.scores.numel(), image.height, image.width};
  if (trial.masks.sizes() != shape)
    throw std::invalid_argument(fmt::format("[ensemble] masks of [{}]; [{}] is allowed",
                                            fmt::join(trial.masks.sizes().vec(), ", "),
                                            fmt::join(shape, ", ")));
}

/// All that take part, by falling score, equal ones by trial.
Members members_of(const std::vector<models::Detections>& trials, double minimum_score) {
  Members members;
  for (std::size_t t = 0; t < trials.size(); ++t) {
    const torch::Tensor boxes = trials[t].boxes.cpu(), scores = trials[t].scores.cpu(),
                        labels = trials[t].labels.cpu();
    for (std::int64_t i = 0; i < scores.numel(); ++i) {
      Member member{t, labels[i].item<std::int64_t>(), scores[i].item<float>(), boxes[i], {}};
      if (trials[t].masks.defined()) member.mask = trials[t].masks[i].cpu();
      if (member.score >= minimum_score) members.push_back(std::move(member));
    }
  }
  for (const Member& member : members)
    if (member.mask.defined() != members[0].mask.defined())
      throw std::invalid_argument(
          "[ensemble] masks in the detections of some trials; in those of all or of none is "
          "allowed");
  std::ranges::stable_sort(members, std::greater{}, &Member::score);
  return members;
}

double overlap_of(const Member& a, const Member& b) {
  const torch::Tensor iou = a.mask.defined()
                                ? models::mask_iou(a.mask.unsqueeze(0), b.mask.unsqueeze(0))
                                : models::box_iou(a.box.unsqueeze(0), b.box.unsqueeze(0));
  return iou.item<double>();
}

bool belongs_to(const Member& member, const Members& object, const DetectionEnsemble& ensemble) {
  if (object[0].label != member.label) return false;
  if (ensemble.objects == ObjectsPerClass::kOne) return true;
  const auto of_its_trial = [&](const Member& other) { return other.trial == member.trial; };
  return std::ranges::none_of(object, of_its_trial) &&
         overlap_of(object[0], member) >= ensemble.same_object_iou;
}

std::vector<Members> objects_among(const Members& members, const DetectionEnsemble& ensemble) {
  std::vector<Members> objects;
  for (const Member& member : members) {
    const auto found = std::ranges::find_if(
        objects, [&](const Members& object) { return belongs_to(member, object, ensemble); });
    if (found == objects.end())
      objects.push_back({member});
    else
      found->push_back(member);
  }
  return objects;
}

torch::Tensor union_of_boxes(const Members& object) {
  torch::Tensor low = object[0].box.slice(0, 0, 2), high = object[0].box.slice(0, 2, 4);
  for (const Member& member : object) {
    low = torch::minimum(low, member.box.slice(0, 0, 2));
    high = torch::maximum(high, member.box.slice(0, 2, 4));
  }
  return torch::cat({low, high});
}

torch::Tensor voted_mask(const Members& object, std::int64_t needed, std::int64_t side) {
  torch::Tensor votes = torch::zeros(object[0].mask.sizes(), torch::kInt64);
  for (const Member& member : object) votes += member.mask;
  const std::int64_t most = votes.numel() > 0 ? votes.max().item<std::int64_t>() : 0;
  const torch::Tensor voted =
      votes.ge(std::max<std::int64_t>(std::min(needed, most), 1)).to(torch::kUInt8);
  const torch::Tensor smooth = opened(voted, side);
  return largest_parts(smooth.any().item<bool>() ? smooth : voted, 1, Connectivity::kEight);
}

/// Combines the members of one object; none where it is left out.
class ObjectCombiner {
 public:
  ObjectCombiner(const DetectionEnsemble& ensemble, std::size_t trials, std::int64_t height)
      : ensemble_(ensemble),
        trials_(trials),
        needed_(needed_votes(ensemble.minimum_votes, trials)),
        side_(static_cast<std::int64_t>(ensemble.opening * static_cast<double>(height))) {}

  std::optional<CombinedObject> combine(const Members& object) const {
    switch (ensemble_.method) {
      case EnsembleMethod::kMean:
        return by_mean(object);
      case EnsembleMethod::kUnion:
        return by_union(object);
      case EnsembleMethod::kVote:
        break;
    }
    return by_vote(object);
  }

 private:
  std::optional<CombinedObject> by_vote(const Members& object) const {
    if (ensemble_.objects == ObjectsPerClass::kMany &&
        static_cast<std::int64_t>(object.size()) < needed_)
      return std::nullopt;
    double sum = 0;
    for (const Member& member : object) sum += member.score;
    CombinedObject combined{
        object[0].label, sum / static_cast<double>(object.size()), union_of_boxes(object), {}};
    if (object[0].mask.defined()) combined.mask = voted_mask(object, needed_, side_);
    return combined;
  }

  std::optional<CombinedObject> by_union(const Members& object) const {
    CombinedObject combined{object[0].label, object[0].score, union_of_boxes(object), {}};
    if (!object[0].mask.defined()) return combined;
    combined.mask = object[0].mask.clone();
    for (const Member& member : object) combined.mask.bitwise_or_(member.mask);
    return combined;
  }

  std::optional<CombinedObject> by_mean(const Members& object) const {
    std::vector<double> best(trials_);
    for (const Member& member : object)
      best[member.trial] = std::max(best[member.trial], double{member.score});
    const double score =
        std::accumulate(best.begin(), best.end(), 0.0) / static_cast<double>(trials_);
    if (!object[0].mask.defined()) {
      if (score < kMeanThreshold) return std::nullopt;
      return CombinedObject{object[0].label, score, mean_box(object), {}};
    }
    const torch::Tensor mask = mean_mask(object);
    if (!mask.any().item<bool>()) return std::nullopt;
    return CombinedObject{object[0].label, score, box_around(mask), mask};
  }

  torch::Tensor mean_box(const Members& object) const {
    torch::Tensor sum = torch::zeros({4}, torch::kFloat64);
    double weight = 0;
    for (const Member& member : object) {
      sum += member.box * double{member.score};
      weight += member.score;
    }
    return (sum / weight).to(torch::kFloat32);
  }

  torch::Tensor mean_mask(const Members& object) const {
    torch::Tensor sum = torch::zeros(object[0].mask.sizes(), torch::kFloat64);
    for (std::size_t trial = 0; trial < trials_; ++trial) {
      torch::Tensor highest = torch::zeros_like(sum);
      for (const Member& member : object)
        if (member.trial == trial)
          highest = torch::maximum(highest, member.mask * double{member.score});
      sum += highest;
    }
    return (sum / static_cast<double>(trials_)).ge(kMeanThreshold).to(torch::kUInt8);
  }

  const DetectionEnsemble& ensemble_;
  std::size_t trials_;
  std::int64_t needed_, side_;
};

bool have_masks(const std::vector<models::Detections>& trials) {
  return std::ranges::any_of(trials, [](const auto& trial) { return trial.masks.defined(); });
}

models::Detections detections_of(const std::vector<CombinedObject>& objects) {
  models::Detections result;
  std::vector<double> scores;
  std::vector<std::int64_t> labels;
  std::vector<torch::Tensor> boxes, masks;
  for (const CombinedObject& object : objects) {
    scores.push_back(object.score);
    labels.push_back(object.label);
    boxes.push_back(object.box);
    if (object.mask.defined()) masks.push_back(object.mask);
  }
  result.scores = torch::tensor(scores, torch::kFloat64).to(torch::kFloat32);
  result.labels = torch::tensor(labels, torch::kInt64);
  result.boxes = boxes.empty() ? torch::zeros({0, 4}) : torch::stack(boxes);
  if (!masks.empty()) result.masks = torch::stack(masks);
  return result;
}

}  // namespace

models::Detections combine_detections(const std::vector<models::Detections>& trials,
                                      const datasets::Extent& image,
                                      const DetectionEnsemble& ensemble) {
  if (trials.empty()) throw std::invalid_argument("[ensemble] no trials; at least one is allowed");
  for (const models::Detections& trial : trials) check_masks_of(trial, image);
  const ObjectCombiner combiner(ensemble, trials.size(), image.height);
  std::vector<CombinedObject> combined;
  for (const Members& object : objects_among(members_of(trials, ensemble.minimum_score), ensemble))
    if (auto one = combiner.combine(object)) combined.push_back(std::move(*one));
  std::ranges::stable_sort(combined, std::greater{}, &CombinedObject::score);
  models::Detections result = detections_of(combined);
  if (combined.empty() && have_masks(trials))
    result.masks = torch::zeros({0, image.height, image.width}, torch::kUInt8);
  return result;
}

}  // namespace medsweep::runner
