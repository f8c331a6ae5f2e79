#pragma once

#include "datasets/converters/conversion.h"
#include "datasets/converters/converters.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// Made-up heads as BraTS has them, volumes [C, D, H, W] of int16, one a patient: a brain on a
/// black ground with white and grey matter and ventricles, bias field and noise, and nested
/// ellipsoids of a tumour. Labels ncr (1), ed (2), et (3), codes 1, 2, 4; regions wt, tc, et
/// overlap. Channel 0 is like FLAIR (oedema is bright), channel 1 like T1 with contrast agent (the
/// enhancing rim is); the one channel of options.phantom.channels = 1 is a mixture. Every second
/// patient is "LGG", of which half have no et, the others "HGG". 32 slices unless
/// options.phantom.slices says otherwise; spacing is anisotropic and differs, the affine is a
/// little oblique.
ConversionPlan plan_blobs(const ConverterOptions& options);

RawSample phantom_head(const PhantomOptions& options, std::int64_t patient);

}  // namespace medsweep::datasets
