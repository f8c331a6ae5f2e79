#pragma once

#include <vector>

#include "base/random.h"

namespace medsweep::datasets {

/// A short piece of a vessel's centre line, in units of the image's side.
struct VesselPoint {
  double row, column, radius;
  double darkness;       ///< 1 of veins, less of arteries
  double second_radius;  ///< as the second observer draws it; 0: overlooked
};

/// Where vessels begin, and what they bend around.
struct VesselRoots {
  double disc_row, disc_column;
  double temporal;  ///< +1 or -1: the side of the macula along the columns
};

/// Arteries and veins along the four arcades and some small ones, branches and their branches. A
/// branch of radius c leaves a vessel of radius r with (r^3 - c^3)^(1/3): Murray, The physiological
/// principle of minimum work, PNAS 1926.
std::vector<VesselPoint> grow_vessels(const VesselRoots& roots, RandomStream& stream);

}  // namespace medsweep::datasets
