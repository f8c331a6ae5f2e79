#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/data_file.h"

namespace medsweep::datasets {

/// One picture of a contact sheet: a 2-D image, or a slice of a volume.
struct SheetTile {
  torch::Tensor image;          ///< [C, H, W] of any stored type
  torch::Tensor labels;         ///< [H, W] uint8; undefined: none
  torch::Tensor field_of_view;  ///< [H, W] uint8; undefined: everything counts
  Instances instances;
  std::string title, subtitle;  ///< below the picture
  float black = 0, white = 0;   ///< values that are shown so; alike: the image's percentiles
};

struct SheetOptions {
  std::string title;                 ///< above all
  std::vector<std::string> classes;  ///< of the legend; label i is classes[i - 1]
  std::int64_t tile = 320;           ///< pixels a side; a picture keeps its aspect within
  std::int64_t columns = 6;          ///< at most
};

/// Pictures with what was drawn on them, for a person to look at: [3, H, W] uint8, red first.
///
/// Values from the 1st to the 99th percentile within the field of view become black to white;
/// images of three channels of 8 bits are in colour, of others the first channel is shown. Labels
/// are outlined, each class in its colour; instances are boxes, and outlines where there is no
/// label map; crowds are grey; what is outside the field of view is dimmed. The same tiles give the
/// same pixels. Throws std::invalid_argument for no tiles.
torch::Tensor contact_sheet(const std::vector<SheetTile>& tiles, const SheetOptions& options);

/// Up to `most` tiles of a data file: samples spread evenly over it; of a volume its middle slice
/// and the one with most labelled voxels. Throws as DataFile::read.
std::vector<SheetTile> sheet_tiles(const DataFile& file, std::int64_t most = 24);

/// Both: what `runner inspect FILE --picture` shows.
torch::Tensor contact_sheet(const DataFile& file);

/// The colour of label `label` from 1 on: red, green, blue.
std::vector<std::uint8_t> class_color(std::int64_t label);

}  // namespace medsweep::datasets
