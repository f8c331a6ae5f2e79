#include "runner/lung_conversion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <set>

#include "datasets/converters/conversion.h"
#include "datasets/converters/image_files.h"
#include "datasets/converters/lung_labels.h"
#include "datasets/picture.h"

namespace medsweep::runner {
namespace {

using datasets::ConversionItem;
using datasets::ConversionPlan;
using datasets::DataFile;
using datasets::RawSample;

constexpr std::string_view kConverter = "chest_xray";

/// Draws the lungs where nobody did.
std::vector<RawSample> with_lungs(std::vector<RawSample> samples, const LungModels& models) {
  for (RawSample& sample : samples) {
    if (sample.labels.defined()) continue;
    const datasets::LungSplit lungs = models.find(sample.image);
    if (lungs.both()) datasets::set_lungs(sample, lungs);
  }
  return samples;
}

/// The plan with the models behind its items; the names of those that have no masks of their own.
std::set<std::string> let_models_draw(ConversionPlan& plan, const LungModels& models) {
  std::set<std::string> drawn;
  for (ConversionItem& item : plan.items) {
    if (item.files.size() > 1) continue;  // its masks lie beside it
    drawn.insert(item.name);
    std::ranges::copy(models.files(), std::back_inserter(item.files));
    item.read = [read = item.read, &models] { return with_lungs(read(), models); };
  }
  return drawn;
}

/// What a person needs to see why an image has no labels.
datasets::SheetTile review_tile(const DataFile& file, std::int64_t index,
                                const LungModels& models) {
  const RawSample sample = file.read(index);
  const torch::Tensor said = models.vote(sample.image);
  const datasets::LungSplit lungs = datasets::split_lungs(said);
  return {.image = sample.image,
          .labels = said,
          .field_of_view = {},
          .instances = {},
          .title = sample.id.name,
          .subtitle = fmt::format("{}  {}", sample.id.group, datasets::lung_split_text(lungs.by))};
}

void draw_review(const DataFile& file, const std::vector<std::int64_t>& failures,
                 const LungModels& models) {
  std::vector<datasets::SheetTile> tiles;
  const std::int64_t all = std::ssize(failures), shown = std::min(all, kReviewed);
  for (std::int64_t i = 0; i < shown; ++i)
    tiles.push_back(review_tile(file, failures[static_cast<std::size_t>(i * all / shown)], models));
  const std::string title = fmt::format("{}: {} of {} images on which not both lungs were found",
                                        file.path().filename().string(), shown, all);
  datasets::write_png(
      review_file(file.path()),
      datasets::contact_sheet(tiles, {.title = title, .classes = {"what the models said"}}));
}

void review(const std::filesystem::path& output, const std::set<std::string>& drawn,
            const LungModels& models, datasets::ConverterReport& report) {
  const DataFile file(output);
  std::vector<std::int64_t> failures;
  std::int64_t tried = 0;
  for (std::size_t i = 0; i < file.samples().size(); ++i) {
    if (!drawn.contains(file.samples()[i].name)) continue;
    ++tried;
    if (file.foreground()[i] < 0) failures.push_back(static_cast<std::int64_t>(i));
  }
  std::filesystem::remove(review_file(output));
  if (tried == 0) {
    report.notes.push_back("every image has masks of its own: the models drew none");
    return;
  }
  const std::int64_t found = tried - std::ssize(failures);
  report.notes.push_back(fmt::format("lungs drawn by {}", fmt::join(models.names(), ", ")));
  report.notes.push_back(
      fmt::format("both lungs found: {:.1f} % ({} of {})",
                  100.0 * static_cast<double>(found) / static_cast<double>(tried), found, tried));
  if (failures.empty()) return;
  draw_review(file, failures, models);
  report.notes.push_back(fmt::format("the other {} have no labels; look at {}", failures.size(),
                                     review_file(output).string()));
}

}  // namespace

datasets::ConverterReport convert_with_lungs(const datasets::ConverterOptions& options,
                                             const LungModels& models,
                                             const datasets::ConverterProgress& progress) {
  ConversionPlan plan = datasets::plan_conversion(kConverter, options);
  const std::set<std::string> drawn = let_models_draw(plan, models);
  // What is kept of an interrupted conversion holds for the same view of the images only.
  const std::string how = fmt::format(
      "{} {}", kConverter, models.input() == LungInput::kEqualized ? "equalized" : "raw");
  datasets::ConverterReport report = datasets::run_conversion(how, plan, options, progress);
  review(options.output, drawn, models, report);
  return report;
}

std::filesystem::path review_file(const std::filesystem::path& output) {
  return output.string() + ".review.png";
}

}  // namespace medsweep::runner
