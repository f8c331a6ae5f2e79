#include "datasets/converters/lung_labels.h"

#include "datasets/converters/structure_labels.h"

namespace medsweep::datasets {

std::vector<std::string> lung_classes() { return {"left_lung", "right_lung"}; }

void set_lungs(RawSample& sample, const LungSplit& lungs) {
  set_structures(sample, {lungs.left, lungs.right});
}

}  // namespace medsweep::datasets
