#include "runner/weights/transfer.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "runner/checkpoint.h"

namespace medsweep::runner {
namespace {

constexpr std::string_view kBatchesTracked = "num_batches_tracked";
constexpr std::size_t kShownTensors = 8;

/// Whether `name` is matched by a pattern in which `*` is any text.
bool matches_stars(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const auto rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= name.size(); ++at)
    if (matches_stars(rest, name.substr(at))) return true;
  return false;
}

bool is_named(std::string_view pattern, std::string_view name) {
  if (pattern.find('*') != std::string_view::npos) return matches_stars(pattern, name);
  return name.starts_with(pattern) &&
         (name.size() == pattern.size() || pattern.ends_with('.') || name[pattern.size()] == '.');
}

bool is_any_named(const std::vector<std::string>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const auto& text) { return is_named(text, name); });
}

std::string shown_names(const std::vector<std::string>& names) {
  const auto count = std::min(names.size(), kShownTensors);
  const std::vector<std::string> first(names.begin(),
                                       names.begin() + static_cast<std::ptrdiff_t>(count));
  return fmt::format("{}{}", fmt::join(first, ", "),
                     count < names.size() ? fmt::format(" and {} more", names.size() - count) : "");
}

/// One transfer: compares first, copies when all is known to fit.
class Transfer {
 public:
  Transfer(torch::nn::Module& network, const Tensors& weights, const TransferOptions& options)
      : options_(options), network_(named_tensors(network)) {
    TensorNames names;
    for (const auto& entry : network_) names.insert(entry.first);
    fitted_ = fit_names(weights, names, options.body);
  }

  TransferReport run() {
    check_exclude();
    for (const auto& [name, target] : network_) compare(name, target);
    for (const auto& [name, tensor] : fitted_.tensors)
      if (!network_.contains(name) && !is_any_named(options_.exclude, name))
        report_.foreign.push_back(name);
    check();
    copy();
    describe();
    return std::move(report_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::invalid_argument(fmt::format("[{}] {}", options_.where, what));
  }

  void check_exclude() const {
    for (const std::string& pattern : options_.exclude) {
      const auto fits = [&](const auto& entry) { return is_named(pattern, entry.first); };
      if (std::ranges::none_of(network_, fits) && std::ranges::none_of(fitted_.tensors, fits))
        fail(fmt::format(
            "exclude '{}' fits no tensor of the file or the network; the network has {}", pattern,
            shown_names(names_of(network_))));
    }
  }

  static std::vector<std::string> names_of(const Tensors& tensors) {
    std::vector<std::string> names;
    for (const auto& entry : tensors) names.push_back(entry.first);
    return names;
  }

  void compare(const std::string& name, const torch::Tensor& target) {
    if (is_any_named(options_.exclude, name)) {
      excluded_.push_back(name);
      report_.left_out.push_back(name);
      return;
    }
    const auto found = fitted_.tensors.find(name);
    if (found == fitted_.tensors.end()) {
      if (!name.ends_with(kBatchesTracked)) report_.missing.push_back(name);
      return;
    }
    if (torch::isFloatingType(found->second.scalar_type()) !=
        torch::isFloatingType(target.scalar_type()))
      mismatches_.push_back(fmt::format("'{}' is {} in the file, {} in the network", name,
                                        c10::toString(found->second.scalar_type()),
                                        c10::toString(target.scalar_type())));
    else
      compare_shapes(name, found->second, target);
  }

  void compare_shapes(const std::string& name, const torch::Tensor& source,
                      const torch::Tensor& target) {
    const std::string both = fmt::format("'{}' is {} in the file, {} in the network", name,
                                         c10::str(source.sizes()), c10::str(target.sizes()));
    if (source.sizes() == target.sizes()) {
      copies_.emplace_back(target, source);
    } else if (is_stem(source, target)) {
      copies_.emplace_back(target, fold_stem(source, options_.stem));
      report_.lines.push_back(fmt::format("'{}' folded to one channel by {}", name,
                                          options_.stem == StemFold::kSum ? "sum" : "mean"));
    } else if (is_other_head(name, source, target)) {
      report_.left_out.push_back(name);
      report_.lines.push_back("left out, of another number of classes: " + both);
      return;
    } else {
      mismatches_.push_back(both);
      return;
    }
    report_.loaded.push_back(name);
  }

  static bool is_stem(const torch::Tensor& source, const torch::Tensor& target) {
    if (source.dim() != 4 || target.dim() != 4 || source.size(1) != 3 || target.size(1) != 1)
      return false;
    return source.size(0) == target.size(0) && source.sizes().slice(2) == target.sizes().slice(2);
  }

  bool is_other_head(const std::string& name, const torch::Tensor& source,
                     const torch::Tensor& target) const {
    return is_any_named(options_.heads, name) && source.dim() == target.dim() && source.dim() > 0 &&
           source.sizes().slice(1) == target.sizes().slice(1);
  }

  void check() const {
    if (!mismatches_.empty()) fail(shown_names(mismatches_));
    if (report_.loaded.empty())
      fail(fmt::format("none of its tensors ({}) has a place in the network, which has {}",
                       shown_names(names_of(fitted_.tensors)), shown_names(names_of(network_))));
    if (options_.strictness == Strictness::kPartial) return;
    std::vector<std::string> missing;
    for (const std::string& name : report_.missing)
      if (name.starts_with(fitted_.scope)) missing.push_back(name);
    if (missing.empty() && report_.foreign.empty()) return;
    const auto listed = [](const std::vector<std::string>& names) {
      return names.empty() ? "none" : fmt::format("{} ({})", shown_names(names), names.size());
    };
    fail(fmt::format(
        "the network's tensors and its own are not the same: missing in it: {}; without a place in "
        "the network: {}; exclude leaves tensors out",
        listed(missing), listed(report_.foreign)));
  }

  void copy() const {
    const at::NoGradGuard no_grad;
    for (const auto& [target, source] : copies_) torch::Tensor(target).copy_(source);
  }

  void describe() {
    std::int64_t values = 0;
    for (const auto& entry : copies_) values += entry.first.numel();
    auto& lines = report_.lines;
    lines.insert(lines.begin(), fitted_.notes.begin(), fitted_.notes.end());
    lines.insert(lines.begin(),
                 fmt::format("{} tensors of {} with {} values from {}", report_.loaded.size(),
                             network_.size(), values, options_.where));
    if (!excluded_.empty())
      lines.push_back(fmt::format("left out as asked: {}", shown_names(excluded_)));
    if (!report_.missing.empty())
      lines.push_back(fmt::format("not in the file, left as they were: {} tensors: {}",
                                  report_.missing.size(), shown_names(report_.missing)));
    if (!report_.foreign.empty())
      lines.push_back(fmt::format("in the file, without a place here: {} tensors: {}",
                                  report_.foreign.size(), shown_names(report_.foreign)));
  }

  const TransferOptions& options_;
  const Tensors network_;
  FittedTensors fitted_;
  TransferReport report_;
  std::vector<std::string> excluded_, mismatches_;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> copies_;  ///< target, source
};

}  // namespace

TransferReport load_into(torch::nn::Module& network, const Tensors& weights,
                         const TransferOptions& options) {
  return Transfer(network, weights, options).run();
}

}  // namespace medsweep::runner
