#pragma once

#include <torch/types.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/batch.h"
#include "models/model.h"

namespace medsweep::runner {

/// A volume that was predicted: where its voxels lie, as datasets::SampleId has it.
struct PredictedVolume {
  std::string name;    ///< as of PredictedImage
  std::string source;  ///< likewise
  std::vector<double> spacing{}, affine{};
};

/// An image that was predicted.
struct PredictedImage {
  std::string name;     ///< of the files about it: letters, digits and "._-+"
  std::string source;   ///< where it came from, for annotations.json
  torch::Tensor image;  ///< [C, H, W] of any stored type
};

/// Whether pictures of what was found are drawn, too.
enum class Overlays { kNone, kDrawn };

/// Predictions as files that other tools read, in a folder:
///
/// - labels/NAME.png: grey levels are labels, 0 background; with several tasks labels/TASK/NAME.png
/// - classes.csv: task,label,class
/// - boxes.csv: image,task,class,score,x1,y1,x2,y2; pixel i covers [i, i + 1)
/// - annotations.json: COCO's format with a score each; categories count from 1 through the tasks
/// - activations/NAME_CLASS.png: where a network with class activation maps looked, on the image
/// - overlays/NAME.png: what was found, drawn on the image, where that is asked for
///
/// Of volumes labels/NAME.nii.gz on the volume's own grid, and classes.csv.
///
/// Objects of a network that finds them are taken one for one, and its label map has those with a
/// score of at least 0.5. Of a label map every connected part of a class (8 neighbours) is an
/// object, its score the mean probability in it, 1 where none is known.
class PredictionFiles {
 public:
  /// tasks: task -> the names of its labels 1, 2 ... Makes the folder. Throws
  /// std::invalid_argument for one that is there already and not empty.
  PredictionFiles(std::filesystem::path folder,
                  std::map<std::string, std::vector<std::string>> tasks,
                  Overlays overlays = Overlays::kNone);

  /// Writes the files of an image. Throws std::invalid_argument for a name that was added before,
  /// std::runtime_error for what the disk does.
  void add(const PredictedImage& image, const models::Prediction& prediction);
  /// The same of a volume's label map.
  void add(const PredictedVolume& volume, const models::Prediction& prediction);
  std::int64_t images() const { return static_cast<std::int64_t>(images_.size()); }
  std::int64_t volumes() const { return static_cast<std::int64_t>(volumes_.size()); }
  /// Writes the files of all images.
  void finish() const;

 private:
  struct Object;
  std::vector<Object> objects_in(const models::Prediction& prediction) const;
  void write_label_maps(const PredictedImage& image, const models::Prediction& prediction) const;
  void draw_activations(const PredictedImage& image, const models::Prediction& prediction) const;
  void draw(const PredictedImage& image, const models::Prediction& prediction) const;

  std::filesystem::path folder_;
  std::map<std::string, std::vector<std::string>> tasks_;
  Overlays overlays_;
  std::string boxes_;
  std::map<std::string, std::string> volumes_;  ///< name -> source
  std::vector<nlohmann::ordered_json> images_;
  std::vector<std::vector<nlohmann::ordered_json>> annotations_;
};

}  // namespace medsweep::runner
