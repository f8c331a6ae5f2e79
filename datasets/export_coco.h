#pragma once

#include "datasets/export.h"

namespace medsweep::datasets {

/// images/NAME.png and annotations.json in COCO's format, as pycocotools and `prepare coco` read
/// it:
/// {"images": [{id, file_name, height, width, case, patient, group, source}], "annotations": [{id,
/// image_id, category_id, bbox [x, y, width, height], area, iscrowd, segmentation}], "categories"}.
/// Ids count from 1; those of categories are the file's label codes where it has any.
///
/// Objects are annotations one for one, their masks as compressed run lengths (without masks the
/// segmentation is empty). Where a sample has only a label map, every connected part of a class (8
/// neighbours) becomes an annotation, in the order of the classes and from top to bottom. Label
/// maps beside objects, fields of view and second observers are not in the format: notes say so.
/// Images of 8 bits are exact, others are scaled to 8 bits with a note.
///
/// Throws std::invalid_argument for volumes and for channels other than one or three.
ExportReport export_coco(const DataFile& file, const std::filesystem::path& folder,
                         const ExportProgress& progress);

}  // namespace medsweep::datasets
