#include "models/layers/rectified_maps.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "models/layers/rectified_loops.h"
#include "models/layers/vector_lanes.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kChunk = 1 << 15;  // values
constexpr std::int64_t kVector = 16, kShortestRow = 64;
constexpr std::int64_t kBlockRows = 32;  // that are summed in float32

// Every pass goes over rows of `length` values with a table entry for each, so that few channels
// fill vectors, too: several pixels make a row.
std::int64_t row_length(std::int64_t channels) {
  const std::int64_t whole = channels * kVector / std::gcd(channels, kVector);
  return whole * ((kShortestRow + whole - 1) / whole);
}

/// Entries of a row, for each of the runs: [samples, length].
std::vector<float> spread(const std::vector<float>& values, const PixelRuns& runs) {
  const std::int64_t length = row_length(runs.channels);
  std::vector<float> rows(static_cast<std::size_t>(runs.samples * length));
  for (std::int64_t sample = 0; sample < runs.samples; ++sample)
    for (std::int64_t i = 0; i < length; ++i)
      rows[static_cast<std::size_t>(sample * length + i)] =
          values[static_cast<std::size_t>(sample * runs.channels + i % runs.channels)];
  return rows;
}

struct SpreadTables {
  SpreadTables(const RectifiedTables& tables, const PixelRuns& runs)
      : before(spread(tables.before, runs)),
        mean(spread(tables.mean, runs)),
        scale(spread(tables.scale, runs)),
        shift(spread(tables.shift, runs)),
        behind(spread(tables.behind, runs)) {}
  std::vector<float> before, mean, scale, shift, behind;
};

/// Of one run, from its first entry.
RowTables row_tables(const SpreadTables& tables, std::int64_t at) {
  return {tables.before.data() + at, tables.mean.data() + at, tables.scale.data() + at,
          tables.shift.data() + at, tables.behind.data() + at};
}

struct Chunk {
  std::int64_t sample;
  std::int64_t first;  ///< of the maps' values
  std::int64_t count;
  std::int64_t number;
};

class Chunks {
 public:
  explicit Chunks(const PixelRuns& runs)
      : samples_(runs.samples),
        values_(runs.pixels * runs.channels),
        length_(row_length(runs.channels)),
        size_(std::max<std::int64_t>(1, kChunk / length_) * length_),
        per_run_((values_ + size_ - 1) / size_) {}
  std::int64_t count() const { return samples_ * per_run_; }
  std::int64_t per_run() const { return per_run_; }
  std::int64_t length() const { return length_; }

  template <typename Body>
  void for_each(const Body& body) const {
    at::parallel_for(0, count(), 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t number = first; number < last; ++number) {
        const std::int64_t sample = number / per_run_, begin = number % per_run_ * size_;
        body(Chunk{sample, sample * values_ + begin, std::min(size_, values_ - begin), number});
      }
    });
  }

 private:
  std::int64_t samples_, values_, length_, size_, per_run_;
};

/// What chunks have summed, a row each, added up by channels in the chunks' order.
class PartialSums {
 public:
  explicit PartialSums(const Chunks& chunks)
      : length_(chunks.length()),
        per_run_(chunks.per_run()),
        rows_(static_cast<std::size_t>(chunks.count() * length_)) {}
  void add(const Chunk& chunk, const float* block) {
    double* const row = rows_.data() + chunk.number * length_;
    for (std::int64_t i = 0; i < length_; ++i) row[i] += static_cast<double>(block[i]);
  }
  std::vector<double> folded(const PixelRuns& runs) const {
    std::vector<double> sums(static_cast<std::size_t>(runs.samples * runs.channels));
    const double* row = rows_.data();
    for (std::int64_t sample = 0; sample < runs.samples; ++sample)
      for (std::int64_t part = 0; part < per_run_ * length_; part += runs.channels)
        for (std::int64_t channel = 0; channel < runs.channels; ++channel)
          sums[static_cast<std::size_t>(sample * runs.channels + channel)] += *row++;
    return sums;
  }

 private:
  std::int64_t length_, per_run_;
  std::vector<double> rows_;
};

/// body(entry of the run's tables, first value, rows, block) sums a few rows in float32 into
/// `block`, a row for each of `sums`, which take it over.
template <std::size_t N, typename Body>
void sum_in_blocks(const Chunks& chunks, const std::array<PartialSums*, N>& sums,
                   const Body& body) {
  const std::int64_t length = chunks.length(), step = kBlockRows * length;
  chunks.for_each([&](const Chunk& chunk) {
    std::vector<float> block(N * static_cast<std::size_t>(length));
    for (std::int64_t first = 0; first < chunk.count; first += step) {
      std::ranges::fill(block, 0.0F);
      body(chunk.sample * length, chunk.first + first,
           Rows{std::min(step, chunk.count - first), length}, block.data());
      for (std::size_t i = 0; i < N; ++i)
        sums[i]->add(chunk, block.data() + i * static_cast<std::size_t>(length));
    }
  });
}

std::vector<float> to_floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

template <typename T>
ChannelSums rectified_moments(const T* x, const PixelRuns& runs, const std::vector<float>& before) {
  // About a value of its own, squares do not cancel where a channel's mean is large.
  std::vector<float> pivots(before.size());
  for (std::size_t at = 0; at < pivots.size(); ++at) {
    const auto sample = static_cast<std::int64_t>(at) / runs.channels;
    const auto channel = static_cast<std::int64_t>(at) % runs.channels;
    const float first = to_float(x[sample * runs.pixels * runs.channels + channel]);
    pivots[at] = first > 0 ? first : before[at] * first;
  }
  const std::vector<float> slopes = spread(before, runs), centers = spread(pivots, runs);
  const Chunks chunks(runs);
  PartialSums sums(chunks), squares(chunks);
  const std::int64_t length = chunks.length();
  sum_in_blocks(chunks, std::array{&sums, &squares},
                [&](std::int64_t at, std::int64_t first, const Rows& rows, float* block) {
                  moments_of(x + first, rows, slopes.data() + at, centers.data() + at,
                             {block, block + length});
                });
  ChannelSums moments{.first = sums.folded(runs), .second = squares.folded(runs)};
  const auto pixels = static_cast<double>(runs.pixels);
  for (std::size_t at = 0; at < pivots.size(); ++at) {
    const double shift = moments.first[at] / pixels;
    moments.first[at] = static_cast<double>(pivots[at]) + shift;
    moments.second[at] = std::max(0.0, moments.second[at] - pixels * shift * shift);
  }
  return moments;
}

template <typename T>
void rectified_forward(const T* x, T* y, const PixelRuns& runs, const RectifiedTables& tables) {
  const SpreadTables rows(tables, runs);
  const Chunks chunks(runs);
  chunks.for_each([&](const Chunk& chunk) {
    forward_of(x + chunk.first, y + chunk.first, {chunk.count, chunks.length()},
               row_tables(rows, chunk.sample * chunks.length()));
  });
}

template <typename T>
ChannelSums rectified_gradient_sums(const T* x, const T* dy, const PixelRuns& runs,
                                    const RectifiedTables& tables) {
  const SpreadTables rows(tables, runs);
  const Chunks chunks(runs);
  PartialSums sums(chunks), products(chunks), negatives(chunks);
  const std::int64_t length = chunks.length();
  sum_in_blocks(chunks, std::array{&sums, &products, &negatives},
                [&](std::int64_t at, std::int64_t first, const Rows& few, float* block) {
                  sums_of(x + first, dy + first, few, row_tables(rows, at),
                          {block, block + length, block + 2 * length});
                });
  return {sums.folded(runs), products.folded(runs), negatives.folded(runs)};
}

template <typename T>
ChannelSums rectified_gradient(const T* x, const T* dy, T* dx, const PixelRuns& runs,
                               const RectifiedTables& tables, const ChannelSums& slope_and_offset) {
  const SpreadTables rows(tables, runs);
  const std::vector<float> slopes = spread(to_floats(slope_and_offset.first), runs),
                           offsets = spread(to_floats(slope_and_offset.second), runs);
  const Chunks chunks(runs);
  PartialSums sums(chunks);
  sum_in_blocks(chunks, std::array{&sums},
                [&](std::int64_t at, std::int64_t first, const Rows& few, float* block) {
                  gradient_of(x + first, dy + first, dx + first, few, row_tables(rows, at),
                              {slopes.data() + at, offsets.data() + at, block});
                });
  return {.first = sums.folded(runs)};
}

template ChannelSums rectified_moments(const float*, const PixelRuns&, const std::vector<float>&);
template ChannelSums rectified_moments(const std::uint16_t*, const PixelRuns&,
                                       const std::vector<float>&);
template void rectified_forward(const float*, float*, const PixelRuns&, const RectifiedTables&);
template void rectified_forward(const std::uint16_t*, std::uint16_t*, const PixelRuns&,
                                const RectifiedTables&);
template ChannelSums rectified_gradient_sums(const float*, const float*, const PixelRuns&,
                                             const RectifiedTables&);
template ChannelSums rectified_gradient_sums(const std::uint16_t*, const std::uint16_t*,
                                             const PixelRuns&, const RectifiedTables&);
template ChannelSums rectified_gradient(const float*, const float*, float*, const PixelRuns&,
                                        const RectifiedTables&, const ChannelSums&);
template ChannelSums rectified_gradient(const std::uint16_t*, const std::uint16_t*, std::uint16_t*,
                                        const PixelRuns&, const RectifiedTables&,
                                        const ChannelSums&);

}  // namespace medsweep::models
