#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// STARE's vessels (Hoover et al., IEEE TMI 19, 2000): 20 fundus photographs, in any folders below
/// the source, each file as distributed or unpacked (.ppm.gz, .ppm) or converted (.png, .tif):
///
///   stare-images/im0001.ppm.gz       RGB, 8 bits, 700 x 605
///   labels-ah/im0001.ah.ppm.gz       vessels by Adam Hoover: the labels
///   labels-vk/im0001.vk.ppm.gz       by Valentina Kouznetsova: the second observer, where it is
///   there
///
/// One sample an image, its name is the case and the patient; class vessel (1). No field of view is
/// distributed: it is computed (retina_field). Images without labels (of the 397 that STARE has)
/// are left out with a note; labels without an image are an error, other sizes than published are
/// noted. Errors as convert().
ConversionPlan plan_stare(const ConverterOptions& options);

}  // namespace medsweep::datasets
