#include "datasets/converters/mask_pairs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <stdexcept>

namespace medsweep::datasets {

void check_mask_size(const torch::Tensor& mask, const std::filesystem::path& mask_path,
                     const torch::Tensor& image, const std::filesystem::path& image_path) {
  if (mask.size(0) != image.size(1) || mask.size(1) != image.size(2))
    throw std::invalid_argument(
        fmt::format("[{}] {} pixels, but its image {} has {} x {}; equal sizes are needed",
                    mask_path.string(), fmt::join(mask.sizes(), " x "),
                    image_path.filename().string(), image.size(1), image.size(2)));
}

void refuse_part(ConversionPlan& plan, const ConverterOptions& options, const std::string& text) {
  if (options.on_bad == ConverterOptions::OnBad::kStop) throw std::invalid_argument(text);
  plan.skipped.push_back(text);
}

void note_names(ConversionPlan& plan, const std::vector<std::string>& names,
                const std::string& what) {
  constexpr std::size_t kShown = 5;
  if (names.empty()) return;
  const std::span shown(names.data(), std::min(names.size(), kShown));
  plan.notes.push_back(fmt::format("{} {} ({}{})", names.size(), what, fmt::join(shown, ", "),
                                   names.size() > kShown ? ", ..." : ""));
}

}  // namespace medsweep::datasets
