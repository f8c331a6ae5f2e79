#include "datasets/converters/run_lengths.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

constexpr int kGroupBits = 5;
constexpr int kMoreFollow = 0x20, kSign = 0x10, kGroup = 0x1f;
constexpr char kFirstCharacter = '0', kLastCharacter = 'o';
constexpr std::size_t kMaximumGroups = 12;  // 60 bits: no run and no difference is longer

/// Reads numbers off a compressed text.
class GroupReader {
 public:
  GroupReader(std::string_view text, std::string_view where) : text_(text), where_(where) {}
  bool at_end() const { return next_ == text_.size(); }

  std::int64_t number() {
    std::uint64_t bits = 0;
    for (std::size_t group = 0;; ++group) {
      const int value = next_group(group);
      const auto shift = static_cast<unsigned>(group) * kGroupBits;
      bits |= static_cast<std::uint64_t>(value & kGroup) << shift;
      if ((value & kMoreFollow) != 0) continue;
      if ((value & kSign) != 0) bits |= ~std::uint64_t{0} << (shift + kGroupBits);
      return static_cast<std::int64_t>(bits);
    }
  }

 private:
  int next_group(std::size_t group) {
    if (at_end())
      throw std::invalid_argument(fmt::format("[{}] run lengths end within a number", where_));
    if (group == kMaximumGroups)
      throw std::invalid_argument(
          fmt::format("[{}] run lengths, character {}: a number of more than {} groups", where_,
                      next_ + 1, kMaximumGroups));
    const char character = text_[next_];
    if (character < kFirstCharacter || character > kLastCharacter)
      throw std::invalid_argument(
          fmt::format("[{}] run lengths, character {} has code {}; '0' to 'o' are allowed", where_,
                      next_ + 1, static_cast<unsigned char>(character)));
    ++next_;
    return character - kFirstCharacter;
  }

  std::string_view text_, where_;
  std::size_t next_ = 0;
};

}  // namespace

void check_mask_size(std::int64_t height, std::int64_t width, std::string_view where) {
  if (height < 1 || width < 1 || height > kMaximumMaskPixels || width > kMaximumMaskPixels / height)
    throw std::invalid_argument(fmt::format(
        "[{}] a mask of {} x {}; positive sizes of at most {} pixels in all are allowed", where,
        height, width, kMaximumMaskPixels));
}

void check_run_lengths(const RunLengths& runs, std::string_view where) {
  check_mask_size(runs.height, runs.width, where);
  const std::int64_t pixels = runs.height * runs.width;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < runs.counts.size(); ++i) {
    const std::int64_t count = runs.counts[i];
    if (count < 0)
      throw std::invalid_argument(
          fmt::format("[{}] run {} is {}; runs of at least 0 are allowed", where, i + 1, count));
    if (count > pixels - sum)
      throw std::invalid_argument(
          fmt::format("[{}] run {} ends beyond the {} pixels of a mask of {} x {}", where, i + 1,
                      pixels, runs.height, runs.width));
    sum += count;
  }
  if (sum != pixels)
    throw std::invalid_argument(
        fmt::format("[{}] runs of {} pixels in all, but a mask of {} x {} has {}", where, sum,
                    runs.height, runs.width, pixels));
}

std::vector<std::uint8_t> decode_mask(const RunLengths& runs, std::string_view where) {
  check_run_lengths(runs, where);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(runs.height * runs.width));
  std::int64_t position = 0;  // down the columns
  for (std::size_t i = 0; i < runs.counts.size(); ++i) {
    const std::int64_t end = position + runs.counts[i];
    if (i % 2 == 0) position = end;
    for (; position < end; ++position)
      mask[static_cast<std::size_t>(position % runs.height * runs.width + position / runs.height)] =
          1;
  }
  return mask;
}

RunLengths encode_mask(const std::vector<std::uint8_t>& mask, std::int64_t height,
                       std::int64_t width) {
  check_mask_size(height, width, "mask");
  if (std::ssize(mask) != height * width)
    throw std::invalid_argument(
        fmt::format("[mask] {} values; {} x {} are needed", mask.size(), height, width));
  RunLengths runs{height, width, {0}};
  bool inside = false;
  for (std::int64_t x = 0; x < width; ++x)
    for (std::int64_t y = 0; y < height; ++y) {
      if ((mask[static_cast<std::size_t>(y * width + x)] != 0) != inside) {
        runs.counts.push_back(0);
        inside = !inside;
      }
      ++runs.counts.back();
    }
  return runs;
}

RunLengths runs_from_text(std::string_view text, std::int64_t height, std::int64_t width,
                          std::string_view where) {
  check_mask_size(height, width, where);
  RunLengths runs{height, width, {}};
  GroupReader reader(text, where);
  while (!reader.at_end()) {
    std::int64_t count = reader.number();
    if (runs.counts.size() > 2) count += runs.counts[runs.counts.size() - 2];
    if (count < 0 || count > height * width)
      throw std::invalid_argument(
          fmt::format("[{}] run {} is {}; 0 to the {} pixels of the mask are allowed", where,
                      runs.counts.size() + 1, count, height * width));
    runs.counts.push_back(count);
  }
  check_run_lengths(runs, where);
  return runs;
}

std::string text_from_runs(const RunLengths& runs) {
  std::string text;
  for (std::size_t i = 0; i < runs.counts.size(); ++i) {
    std::int64_t value = i > 2 ? runs.counts[i] - runs.counts[i - 2] : runs.counts[i];
    for (bool more = true; more;) {
      int group = static_cast<int>(value & kGroup);
      value >>= kGroupBits;  // of negative numbers towards minus infinity, C++20
      more = (group & kSign) != 0 ? value != -1 : value != 0;
      if (more) group |= kMoreFollow;
      text.push_back(static_cast<char>(kFirstCharacter + group));
    }
  }
  return text;
}

std::int64_t area_of(const RunLengths& runs) {
  std::int64_t area = 0;
  for (std::size_t i = 1; i < runs.counts.size(); i += 2) area += runs.counts[i];
  return area;
}

}  // namespace medsweep::datasets
