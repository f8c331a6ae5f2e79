#include "models/losses/contrastive.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/random.h"
#include "datasets/batch.h"
#include "models/losses/pixels.h"

namespace medsweep::models {
namespace {

// In the place of a layer's number, which these draws share the key with.
constexpr std::uint64_t kAnchorStream = std::uint64_t{1} << 32;

/// Pixels of one class of a sample.
struct ClassPixels {
  std::vector<std::int64_t> wrong, right;
};

/// By label, from 0. labels: [P] int64; wrong: [P] bool.
std::vector<ClassPixels> pixels_by_class(const torch::Tensor& labels, const torch::Tensor& wrong,
                                         std::int64_t labels_in_use) {
  std::vector<ClassPixels> classes(static_cast<std::size_t>(labels_in_use));
  const auto* const label = labels.const_data_ptr<std::int64_t>();
  const bool* const is_wrong = wrong.const_data_ptr<bool>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    if (label[i] == datasets::kIgnored) continue;
    ClassPixels& own = classes[static_cast<std::size_t>(label[i])];
    (is_wrong[i] ? own.wrong : own.right).push_back(i);
  }
  return classes;
}

/// `count` different ones of `from`, appended to `drawn`.
void draw_from(std::vector<std::int64_t>& from, std::int64_t count, RandomStream& random,
               std::vector<std::int64_t>& drawn) {
  for (std::int64_t i = 0; i < count; ++i)
    std::swap(from[static_cast<std::size_t>(i)],
              from[static_cast<std::size_t>(i + random.below(std::ssize(from) - i))]);
  drawn.insert(drawn.end(), from.begin(), from.begin() + count);
}

/// Hard ones first; with too few of one kind the other fills up.
std::int64_t hard_count(const ClassPixels& pixels, std::int64_t anchors, double share) {
  const std::int64_t wanted = std::llround(share * static_cast<double>(anchors));
  return std::min(std::ssize(pixels.wrong), std::max(wanted, anchors - std::ssize(pixels.right)));
}

/// Whether the logits get a pixel wrong in any class: [N, ...] bool.
torch::Tensor wrong_pixels(const LossInput& input, const LossTask& task) {
  const torch::NoGradGuard no_gradient;
  if (task.activation == Activation::kSoftmax) return input.logits.argmax(1).ne(input.labels);
  return input.logits.gt(0).ne(class_maps(input, task).to(torch::kBool)).any(1);
}

}  // namespace

ProjectionImpl::ProjectionImpl(std::int64_t features, std::int64_t dimension) {
  first_ = register_module("first", torch::nn::Linear(features, features));
  second_ = register_module("second", torch::nn::Linear(features, dimension));
}

torch::Tensor ProjectionImpl::forward(const torch::Tensor& features) {
  namespace F = torch::nn::functional;
  return F::normalize(second_(torch::relu(first_(features))), F::NormalizeFuncOptions().dim(1));
}

Contrastive::Contrastive(const LossOptions& options, const LossTask& task)
    : options_(options), task_(task) {
  if (task.feature_channels < 1)
    throw std::invalid_argument(
        "[loss.contrastive] a network without decoder features; unet, retina_unet and others that "
        "give them are allowed");
  if (!(options.temperature > 0) || options.anchors < 2 || !(options.hard >= 0) ||
      !(options.hard <= 1) || options.dimension < 1)
    throw std::invalid_argument(
        fmt::format("[loss.contrastive] temperature {}, anchors {}, hard {}, dimension {}; a "
                    "positive temperature, at least 2 anchors, hard in [0, 1] and a dimension of "
                    "at least 1 are allowed",
                    options.temperature, options.anchors, options.hard, options.dimension));
  projection_ = Projection(task.feature_channels, options.dimension);
}

torch::Tensor Contrastive::sample_loss(const torch::Tensor& features, const torch::Tensor& labels,
                                       const torch::Tensor& wrong, std::uint64_t key) const {
  std::vector<std::int64_t> pixels, classes;
  std::vector<ClassPixels> found = pixels_by_class(labels, wrong, task_.labels() + 1);
  for (std::size_t label = 0; label < found.size(); ++label) {
    ClassPixels& own = found[label];
    const std::int64_t count =
        std::min(options_.anchors, std::ssize(own.wrong) + std::ssize(own.right));
    const std::int64_t hard = hard_count(own, count, options_.hard);
    RandomStream random{key, static_cast<std::uint64_t>(RandomUse::kLayer), kAnchorStream, label};
    draw_from(own.wrong, hard, random, pixels);
    draw_from(own.right, count - hard, random, pixels);
    classes.resize(pixels.size(), static_cast<std::int64_t>(label));
  }
  const bool one_class = classes.empty() || classes.front() == classes.back();
  if (one_class) pixels.clear(), classes.clear();
  const torch::Tensor own = features.index_select(1, torch::tensor(pixels, torch::kLong)).t();
  const torch::Tensor points = projection_(own.to(torch::kFloat));  // [A, D]
  if (one_class) return points.sum();
  const torch::Tensor similar = points.mm(points.t()) / options_.temperature;  // [A, A]
  const torch::Tensor label = torch::tensor(classes, torch::kLong);
  const torch::Tensor same = label.unsqueeze(0).eq(label.unsqueeze(1));
  const torch::Tensor positive =
      (same.to(torch::kFloat) - torch::eye(label.size(0))).contiguous();  // P_i
  const torch::Tensor others =
      similar.masked_fill(same, -std::numeric_limits<float>::infinity()).logsumexp(1, true);
  const torch::Tensor pairs = torch::softplus(others - similar) * positive;
  return (pairs.sum(1) / positive.sum(1).clamp_min(1)).sum();
}

Losses Contrastive::operator()(const LossInput& input) const {
  const std::int64_t samples = input.labels.size(0);
  if (!input.features.defined() ||
      input.features.sizes().slice(2) != input.labels.sizes().slice(1) ||
      std::ssize(input.random_keys) != samples)
    throw std::logic_error("[loss.contrastive] features of the labels' size and a key a sample");
  const torch::Tensor wrong = wrong_pixels(input, task_);
  torch::Tensor sum = 0 * input.logits.sum();
  for (const auto& parameter : projection_->parameters()) sum = sum + 0 * parameter.sum();
  for (std::int64_t i = 0; i < samples; ++i)
    sum = sum + sample_loss(input.features[i].flatten(1), input.labels[i].flatten().contiguous(),
                            wrong[i].flatten().contiguous(),
                            input.random_keys[static_cast<std::size_t>(i)]);
  return {{"contrastive", {sum * options_.factor, weights(input.labels).at("contrastive")}}};
}

LossWeights Contrastive::weights(const torch::Tensor& labels) const {
  double total = 0;
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    const torch::Tensor flat = labels[i].flatten();
    const torch::Tensor counts = torch::bincount(flat.masked_select(flat.ne(datasets::kIgnored)));
    const torch::Tensor anchors = counts.clamp_max(options_.anchors);
    if (counts.gt(0).sum().item<std::int64_t>() > 1)
      total += (anchors * anchors.gt(1)).sum().item<double>();
  }
  return {{"contrastive", total}};
}

}  // namespace medsweep::models
