#include "datasets/converters/phantom_vessel_tree.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace medsweep::datasets {
namespace {

constexpr double kStep = 0.002, kThinnest = 0.0018, kThinForSecond = 0.0034;
constexpr double kReach = 0.52;  // vessels end beyond this distance from the image's centre

/// A vessel that grows: place, direction (0 along the columns, growing clockwise), bend a length.
struct Growth {
  double row, column, direction, bend, radius, length;
  int generation;
};

class VesselTree {
 public:
  VesselTree(const VesselRoots& roots, RandomStream& stream) : roots_(roots), stream_(stream) {}

  void grow_root(double angle, double bend, double radius, double darkness) {
    darkness_ = darkness;
    const double direction =
        roots_.temporal > 0 ? angle : std::numbers::pi - angle;  // mirrored: the other eye
    waiting_.push_back({roots_.disc_row + 0.012 * std::sin(direction),
                        roots_.disc_column + 0.012 * std::cos(direction), direction,
                        roots_.temporal * bend, radius, stream_.uniform(0.7, 1.0), 0});
    while (!waiting_.empty()) {
      const Growth next = waiting_.back();
      waiting_.pop_back();
      grow(next);
    }
  }

  std::vector<VesselPoint> points;

 private:
  void grow(Growth vessel) {
    const bool overlooked = vessel.radius < kThinForSecond && stream_.chance(0.35);
    const double second = overlooked ? 0 : stream_.uniform(0.75, 1.2);
    double until_branch = stream_.uniform(0.02, 0.09), wobble = 0;
    for (double at = 0; at < vessel.length && vessel.radius > kThinnest; at += kStep) {
      points.push_back(
          {vessel.row, vessel.column, vessel.radius, darkness_, second * vessel.radius});
      wobble = 0.96 * wobble + stream_.normal();
      vessel.direction += kStep * (vessel.bend + 1.6 * wobble);
      vessel.row += kStep * std::sin(vessel.direction);
      vessel.column += kStep * std::cos(vessel.direction);
      vessel.radius *= 1 - 0.7 * kStep;
      if (std::hypot(vessel.row - 0.5, vessel.column - 0.5) > kReach) return;
      until_branch -= kStep;
      if (until_branch < 0) {
        branch(vessel);
        until_branch = stream_.uniform(0.04, 0.13);
      }
    }
  }

  void branch(Growth& vessel) {
    if (vessel.generation > 4) return;
    const double radius = vessel.radius * stream_.uniform(0.42, 0.78);
    const double side = stream_.chance(0.5) ? 1 : -1;
    waiting_.push_back({vessel.row, vessel.column,
                        vessel.direction + side * stream_.uniform(0.45, 1.0),
                        -side * stream_.uniform(-0.5, 2.5), radius,
                        vessel.length * stream_.uniform(0.35, 0.7), vessel.generation + 1});
    vessel.direction -= 0.15 * side;
    vessel.radius = std::cbrt(std::pow(vessel.radius, 3) - std::pow(radius, 3));
  }

  VesselRoots roots_;
  RandomStream& stream_;
  double darkness_ = 1;
  std::vector<Growth> waiting_;
};

}  // namespace

std::vector<VesselPoint> grow_vessels(const VesselRoots& roots, RandomStream& stream) {
  VesselTree tree(roots, stream);
  for (const double half : {-1.0, 1.0})  // the upper and the lower half
    for (const bool vein : {false, true}) {
      const double radius = vein ? stream.uniform(0.0068, 0.0085) : stream.uniform(0.0052, 0.0068);
      const double darkness = vein ? stream.uniform(0.9, 1.1) : stream.uniform(0.65, 0.85);
      // Angles from the temporal side: the arcades rise steeply and bend around the macula.
      tree.grow_root(half * stream.uniform(0.95, 1.45), -half * stream.uniform(1.7, 2.6), radius,
                     darkness);
      tree.grow_root(half * stream.uniform(1.9, 2.5), half * stream.uniform(-1.5, 0.8),
                     0.75 * radius, darkness);
      tree.grow_root(half * stream.uniform(0.1, 0.5), half * stream.uniform(-0.5, 1.0), 0.0032,
                     darkness);
    }
  return tree.points;
}

}  // namespace medsweep::datasets
