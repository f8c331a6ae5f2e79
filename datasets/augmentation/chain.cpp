#include "datasets/augmentation/chain.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {
namespace {

using DrawMove = decltype(Augmentation::draw);
using Change = decltype(Augmentation::apply);

DrawMove one_after_another(std::vector<DrawMove> moves) {
  if (moves.size() == 1) return std::move(moves.front());
  return [moves = std::move(moves)](const View& view, Geometry& geometry, RandomStream& stream) {
    for (const DrawMove& move : moves) move(view, geometry, stream);
  };
}

}  // namespace

Augmentation chain(const std::vector<Augmentation>& augmentations) {
  Augmentation all;
  std::vector<Change> changes;
  std::vector<DrawMove> moves;  // not yet among the changes
  const auto close = [&] {
    if (!moves.empty())
      changes.push_back(moving(one_after_another(std::exchange(moves, {}))).apply);
  };
  for (const Augmentation& one : augmentations) {
    all.degrees = std::min(all.degrees + one.degrees, 180.0);
    all.tilt = std::min(all.tilt + one.tilt, 180.0);
    all.stretch *= one.stretch;
    all.pixels += one.pixels;
    if (one.draw) {
      moves.push_back(one.draw);
      continue;
    }
    close();
    changes.push_back(one.apply);
  }
  if (changes.empty() && !moves.empty()) all.draw = one_after_another(moves);
  close();
  all.apply = [changes = std::move(changes)](View& view, RandomStream& stream) {
    for (const Change& change : changes) change(view, stream);
  };
  return all;
}

}  // namespace medsweep::datasets
