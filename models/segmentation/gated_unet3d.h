#pragma once

#include "models/segmentation/unet3d.h"

namespace medsweep::models {

/// A UNet3d with a gate (AttentionGate) on each skip but that of the full size: AttentionUNet in
/// three dimensions, as Oktay et al. have it, 2018 (arXiv 1804.03999). With widths 16, 32, 64, 128,
/// 256, "cbr" and transposed convolutions its channels are the paper's; 4,945,020 parameters for 1
/// channel and 1 map. Other attention has no place in it: UNet3d takes any, gates included.
///
/// Keys as UNet3d's; the gates' are attention.skip1.* ...
class GatedUNet3d : public UNet3d {
 public:
  /// Throws std::invalid_argument for fewer than three widths, which leave no skip to gate.
  static NetworkShape shape(const NetworkOptions& options);
  /// The same, and for other attention than an input's or an output's.
  explicit GatedUNet3d(const NetworkOptions& options);
};

}  // namespace medsweep::models
