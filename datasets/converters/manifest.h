#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Data of any layout, by a table that says what is where. The source is the table, or a folder
/// with one called manifest or datalist, .csv or .json; options.annotations names another. Files
/// are found from the table's folder on: NIfTI, DICOM, .npy, and all pictures of image_files.h.
///
/// CSV: the column image, and any of sample, mask, patient, group, source, fold, class, mask_NAME;
/// others are left alone with a note. Several images between semicolons are channels of one.
/// - mask alone: a file of label codes, of options.label_map; or of options.classes as 1, 2, ...;
///   else 0 and 1, or 0 and 255, background and the class foreground.
/// - mask with class, or several masks between semicolons, or columns mask_NAME: each file is one
///   object, of that class or foreground, and becomes an object with a box (of 2-D images) and part
///   of the label map, later ones over earlier ones. Rows of one sample with further masks add
///   theirs. A mask without any pixel is no object; an image without any mask is unlabelled.
/// - class without any mask is the image's group.
///
/// JSON: MONAI's and the Decathlon's datalist, {"training": [{"image": .., "label": .., "fold":
/// 0}], "validation": [..], "test": [..]}; image and label may be lists, label a number (the
/// group), and patient and group stand there too; "labels" {"1": name} names the codes. The section
/// is the source.
///
/// dimension 2 (the default): each slice is a sample, 3: each volume. A sample is called by the
/// column, or else by its first image's file. The patient column is hashed; without one it is
/// options.patient's group in the sample's name, else a DICOM's hashed PatientID, else the name.
/// Errors name the row; else as convert().
///
/// Reads options.annotations, label_map, classes, patient, dimension, spacing, color, window.
ConversionPlan plan_manifest(const ConverterOptions& options);

}  // namespace medsweep::datasets
