#include "datasets/foreground.h"

#include <array>
#include <vector>

namespace medsweep::datasets {

std::optional<std::int64_t> draw_foreground(const torch::Tensor& labels, RandomStream& stream) {
  const auto* values = labels.const_data_ptr<std::int16_t>();
  std::array<std::int64_t, 257> counts{};
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    if (values[i] > 0) ++counts[static_cast<std::size_t>(values[i])];
  std::vector<std::size_t> present;
  for (std::size_t label = 1; label < counts.size(); ++label)
    if (counts[label] > 0) present.push_back(label);
  if (present.empty()) return std::nullopt;
  const std::size_t label =
      present[static_cast<std::size_t>(stream.below(static_cast<std::int64_t>(present.size())))];
  std::int64_t left = stream.below(counts[label]), pixel = 0;
  while (values[pixel] != static_cast<std::int16_t>(label) || left-- > 0) ++pixel;
  return pixel;
}

}  // namespace medsweep::datasets
