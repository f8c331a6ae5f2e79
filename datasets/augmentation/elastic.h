#pragma once

#include "datasets/augmentation/geometry.h"

namespace medsweep::datasets {

/// With `probability`, a smooth random deformation: displacements of a coarse grid of control
/// points, `spacing` pixels apart, are normal with deviation `magnitude` pixels; between them a
/// cubic B-spline interpolates, as in Rueckert et al.: Nonrigid registration using free-form
/// deformations, IEEE TMI 1999 (Ronneberger et al.: U-Net, MICCAI 2015, deform so). The spline
/// smooths: pixels move by about half as much. Where `magnitude` is below an eighth of `spacing`,
/// folds are rare (no displacement then exceeds 0.4 of it, three deviations out). With thick slices
/// (`View::spacing`) grid and displacements are in space: fewer slices between control points, and
/// smaller steps along the depth.
Augmentation make_elastic(const AugmentationOptions& options);

/// A random displacement of every pixel: [2, H, W] (y, x), of a volume [3, D, H, W] (z, y, x).
torch::Tensor draw_displacement(const Geometry& geometry, double magnitude, double spacing,
                                RandomStream& stream);

}  // namespace medsweep::datasets
