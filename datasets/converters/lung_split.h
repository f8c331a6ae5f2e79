#pragma once

#include <torch/types.h>

namespace medsweep::datasets {

/// How a mask of both lungs was divided.
enum class LungSplitBy {
  kThirds,     ///< two components, each on its side by the rule of the Lungs system
  kCentroids,  ///< two components, ordered by the centres
  kCut,        ///< one component over both sides, cut: worth a look
  kOneLung,    ///< one component on one side: the other lung is empty
  kNothing,    ///< an empty mask: both are empty
};

/// Left and right are the patient's: the left lung lies on the right side of the image.
struct LungSplit {
  torch::Tensor left, right;  ///< [H, W] uint8, 0 or 1
  LungSplitBy by = LungSplitBy::kNothing;
  bool both() const { return by != LungSplitBy::kOneLung && by != LungSplitBy::kNothing; }
};

/// Divides the mask of both lungs of a frontal chest X-ray, [H, W] uint8 (anything but 0 is
/// inside).
///
/// Of the 4-connected components the two largest are kept, one alone where the second has less than
/// a twentieth of the first's pixels; holes are filled. With W columns, a component that begins
/// before W/3 and ends before 2W/3 is the one on the image's left, one that begins after W/3 and
/// ends after 2W/3 the one on its right (Lungs, create_dataset.py: there for 256 columns, and there
/// any other mask is an error). Two components that do not fit are ordered by their centres. One
/// component alone that fits is one lung; one that does not is cut at the column of [W/3, 2W/3)
/// where it has the fewest pixels, of equal ones the one nearest to the middle.
LungSplit split_lungs(const torch::Tensor& mask);

/// In words, for notes and reports.
const char* lung_split_text(LungSplitBy by);

}  // namespace medsweep::datasets
