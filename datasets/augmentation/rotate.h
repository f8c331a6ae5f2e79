#pragma once

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// With `probability`, a rotation about the centre by an angle uniform in [-degrees, degrees]; of a
/// volume about the depth axis by that, then about the row and the column axis by angles uniform in
/// [-tilt, tilt]. Angles are those in space: with thick slices (`View::spacing`) a tilt by 10
/// degrees moves a place by a few slices only. With `border` mirror the image goes on mirrored.
Augmentation make_rotate(const AugmentationOptions& options);

/// Appends a rotation about the centre: counter-clockwise in every slice by `degrees`, then by
/// `row_tilt` about the row axis and `column_tilt` about the column axis.
void append_rotation(Geometry& geometry, double degrees, double row_tilt = 0,
                     double column_tilt = 0);

/// Counter-clockwise about the centre of the pixel grid: the image bilinear with zeros outside, the
/// labels nearest with kIgnored outside (what comes from beyond the border is unknown and counts in
/// no loss). 0 degrees is the identity.
void rotate_view(View& view, double degrees);

}  // namespace medsweep::datasets
