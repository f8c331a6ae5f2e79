#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Lung opacities of the RSNA Pneumonia Detection Challenge: Shih et al., Radiology: Artificial
/// Intelligence 1(1), 2019.
///
///   stage_2_train_images/<patientId>.dcm   or .dcm files anywhere below the source
///   stage_2_train_labels.csv               one row a box (or --annotations FILE)
///   stage_2_detailed_class_info.csv        may be missing: the diagnosis of each image
///
/// One sample an image, called by its file, of one channel, with the class lung_opacity (1): a box
/// and its mask for each row, and the label map that they cover. Images without a box are kept,
/// with no object. Group: normal, no_lung_opacity_not_normal or lung_opacity; without class info
/// no_lung_opacity or lung_opacity. The patient is the keyed hash of the DICOM's PatientID, else of
/// the table's patientId. Pixels as read_dicom has them, options.window as there.
///
/// Rows that stand twice count once; rows without a file and files without a row are left out; both
/// are notes, as are images that may have texts drawn into them. A row that contradicts itself or
/// others, a box more than a pixel outside its image (up to that it is cut), an image of several
/// channels are errors that name file and line; else as read_dicom, read_csv and convert().
///
/// Reads options.annotations, window.
ConversionPlan plan_rsna(const ConverterOptions& options);

}  // namespace medsweep::datasets
