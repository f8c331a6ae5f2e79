#include <fmt/format.h>

#include <memory>
#include <stdexcept>

#include "datasets/converters/image_files.h"
#include "datasets/converters/nifti_volume.h"
#include "datasets/data_file.h"
#include "datasets/export.h"
#include "results/layout.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"
#include "runner/prediction_files.h"
#include "runner/threads.h"
#include "runner/trained_model.h"

namespace medsweep::runner {
namespace {

struct PredictOptions {
  std::string trial, output;
  std::vector<std::string> files;
  bool overlays = false;
};

void predict_data_file(const TrainedModel& model, const std::string& path, PredictionFiles& out) {
  const datasets::DataFile file(path);
  const datasets::Parts parts{.labels = false, .second_observer = false, .instances = false};
  for (std::int64_t i = 0; i < std::ssize(file.samples()); ++i) {
    const datasets::RawSample sample = file.read(i, parts);
    const std::string name = datasets::exported_name(sample.id.name);
    const std::string source = fmt::format("{}:{}", path, sample.id.name);
    if (sample.image.dim() == 4)
      out.add(PredictedVolume{name, source, sample.id.spacing, sample.id.affine},
              model.predict(sample));
    else
      out.add(PredictedImage{name, source, sample.image}, model.predict(sample));
  }
}

bool is_nifti(const std::string& path) {
  return path.ends_with(".nii") || path.ends_with(".nii.gz");
}

void predict_nifti(const TrainedModel& model, const std::string& path, PredictionFiles& out) {
  const datasets::NiftiVolume volume = datasets::read_nifti_channels(path);
  std::string name = std::filesystem::path(path).filename().string();
  name.resize(name.rfind(".nii"));
  datasets::RawSample sample;
  sample.image = volume.voxels;
  sample.id.name = path;
  sample.id.spacing = volume.spacing;
  out.add(PredictedVolume{datasets::exported_name(name), path, volume.spacing, volume.affine},
          model.predict(sample));
}

void predict_image(const TrainedModel& model, const std::string& path, PredictionFiles& out) {
  const torch::Tensor image = datasets::read_image(path, datasets::ColorKind::kStored);
  out.add(PredictedImage{datasets::exported_name(std::filesystem::path(path).stem().string()), path,
                         image},
          model.predict(image));
}

int run_predict(const PredictOptions& options, const std::string& runs) {
  set_compute_threads(*single_communicator());
  const TrainedModel model(trained_trial(options.trial, results::runs_folders(runs)));
  PredictionFiles out(options.output, model.tasks(),
                      options.overlays ? Overlays::kDrawn : Overlays::kNone);
  for (const std::string& file : options.files)
    if (std::filesystem::path(file).extension() == ".h5")
      predict_data_file(model, file, out);
    else if (is_nifti(file))
      predict_nifti(model, file, out);
    else
      predict_image(model, file, out);
  out.finish();
  const bool volumes = out.volumes() > 0 && out.images() == 0;
  print(fmt::format("{}: {} {} by {} ({})", options.output, volumes ? out.volumes() : out.images(),
                    volumes ? "volumes" : "images", model.name(), model.trial().identity));
  return kDone;
}

}  // namespace

void add_predict_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<PredictOptions>();
  CLI::App* command =
      app.add_subcommand("predict", "what a trained trial sees in images or volumes");
  command
      ->add_option("trial", options->trial,
                   "STUDY/NAME, a trial's folder or one of its checkpoints")
      ->required();
  command
      ->add_option("files", options->files,
                   "images (PNG, JPEG, TIFF, BMP, GIF, PGM, PPM), volumes (.nii, .nii.gz; all "
                   "channels in one) or data files (.h5)")
      ->required();
  command->add_option("--output", options->output, "the new folder to write")->required();
  command->add_flag("--overlays", options->overlays, "also draw what was found on the images");
  command->callback([&line, options] {
    line.chosen = [&line, options] { return run_predict(*options, line.runs); };
  });
}

}  // namespace medsweep::runner
