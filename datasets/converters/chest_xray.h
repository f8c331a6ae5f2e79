#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Chest X-rays in folders that are classes, PNG or JPEG and the like, in any tree:
///
///   chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/person1_bacteria_1.jpeg
///   Covid19-dataset/{train,test}/{Covid,Normal,Viral Pneumonia}/01.jpeg
///   COVID-19_Radiography_Dataset/{COVID,Normal,...}/{images,masks}/COVID-1.png
///
/// The folder that holds the images is the class (the one above it where it is called "images"),
/// and becomes `group`; a folder train, val, test or the like on the way to it becomes `source`.
/// Each image is a grey sample, a case, called by its folders and its file:
/// "train_NORMAL_IM-0115-0001".
///
/// The patient is what --patient finds in the file's name. Without it the names of the public sets
/// are known: personNNN_, IM-NNNN-, NORMAL2-IM-NNNN-, COVID-NNNa; each other image is a patient of
/// its own. A number means one person within its source and class only.
///
/// Images beside a folder "masks" have masks of both lungs, brought to the image's size (nearest)
/// and divided by split_lungs into left_lung (1) and right_lung (2), labels and instances. Other
/// samples have no labels: `runner prepare chest_xray --lung-model` draws them. Masks without an
/// image and images without a mask beside others that have one are errors; a copy of a file (same
/// name, class, source and size at two places) is left out, with a note.
///
/// Reads options.patient.
ConversionPlan plan_chest_xray(const ConverterOptions& options);

}  // namespace medsweep::datasets
