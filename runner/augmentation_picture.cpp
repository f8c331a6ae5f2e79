#include "runner/augmentation_picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>

#include "datasets/color_mode.h"
#include "datasets/picture.h"
#include "runner/knobs.h"
#include "runner/trial_augmentation.h"
#include "sweeps/toml_reading.h"
#include "sweeps/value_checks.h"

namespace medsweep::runner {
namespace {

using datasets::SheetTile;
using datasets::View;
using Json = nlohmann::json;

constexpr std::int64_t kDraws = 5, kShownSamples = 4;

// What a person sees of a view: the middle slice of a volume.
SheetTile tile_of_view(const View& view, const datasets::Instances& instances) {
  SheetTile tile;
  const std::int64_t middle = view.labels.size(0) / 2;
  const torch::Tensor labels = view.is_volume() ? view.labels[middle] : view.labels;
  tile.image = view.is_volume() ? view.image.select(1, middle) : view.image;
  tile.labels = labels.clamp_min(0).to(torch::kUInt8);
  tile.field_of_view = labels.ne(static_cast<int>(datasets::kIgnored)).to(torch::kUInt8);
  if (!view.boxes.defined()) return tile;
  const torch::Tensor left =
      (view.boxes.select(1, 2) > view.boxes.select(1, 0)).nonzero().squeeze(1);
  const auto kept = [&](const torch::Tensor& all) {
    return all.defined() ? all.index_select(0, left) : all;
  };
  tile.instances = {kept(view.boxes), kept(instances.labels), kept(instances.ignore),
                    kept(view.masks)};
  return tile;
}

View view_of(const datasets::RawSample& sample) {
  const std::vector<datasets::ChannelScale> as_stored(
      static_cast<std::size_t>(sample.image.size(0)));
  View view;
  view.image = datasets::scaled_image(sample.image, as_stored);
  view.labels = sample.labels.defined()
                    ? sample.labels.to(torch::kInt16).contiguous()
                    : torch::zeros(sample.image.sizes().slice(1), torch::kInt16);
  if (sample.field_of_view.defined())
    view.labels.masked_fill_(sample.field_of_view.eq(0), static_cast<int>(datasets::kIgnored));
  if (sample.instances.defined()) {
    view.boxes = sample.instances.boxes.clone();
    if (sample.instances.masks.defined()) view.masks = sample.instances.masks.clone();
  }
  if (view.is_volume() && sample.id.spacing.size() == 3)
    std::ranges::copy(sample.id.spacing, view.spacing.begin());
  return view;
}

View copied(const View& view) {
  View copy = view;
  for (torch::Tensor* tensor : {&copy.image, &copy.labels, &copy.boxes, &copy.masks})
    if (tensor->defined()) *tensor = tensor->clone();
  return copy;
}

// The sample as it is, and its draws, from the same black to the same white.
void add_tiles(const datasets::RawSample& sample, const datasets::Augmentation& augmentation,
               std::vector<SheetTile>& tiles) {
  const View original = view_of(sample);
  const bool coloured = sample.image.size(0) == 3 && sample.image.scalar_type() == torch::kUInt8;
  const torch::Tensor sorted = std::get<0>(original.image.flatten().sort());
  const auto at = [&](double share) {
    return sorted[static_cast<std::int64_t>(share * static_cast<double>(sorted.numel() - 1))]
        .item<float>();
  };
  const float black = coloured ? 0 : at(0.01),
              white = std::max(coloured ? 255 : at(0.99), black + 1e-6F);
  for (std::int64_t draw = 0; draw <= kDraws; ++draw) {
    View view = copied(original);
    RandomStream stream({static_cast<std::uint64_t>(RandomUse::kAugmentation),
                         static_cast<std::uint64_t>(draw),
                         static_cast<std::uint64_t>(sample.id.index)});
    if (draw > 0) augmentation.apply(view, stream);
    SheetTile tile = tile_of_view(view, sample.instances);
    if (coloured) tile.image = tile.image.round().clamp(0, 255).to(torch::kUInt8);
    tile.black = black;
    tile.white = white;
    tile.title = draw == 0 ? sample.id.name : fmt::format("draw {}", draw);
    tiles.push_back(std::move(tile));
  }
}

}  // namespace

std::vector<Named> augmentation_from(const std::string& text) {
  const sweeps::Schema schema = make_schema();
  const auto knob = std::ranges::find(schema.knobs, "augmentation", &sweeps::Knob::key);
  sweeps::Findings findings;
  sweeps::ValueChecker checker(schema, ".", {}, findings);
  const sweeps::Value value = sweeps::parse_bare_value(text, "--augmentation");
  const std::string json = sweeps::canonical_json(checker.check(*knob, "augmentation", value).full);
  if (!findings.problems.empty())
    throw std::invalid_argument(fmt::format("{}", fmt::join(findings.problems.texts(), "\n")));
  std::vector<Named> list;
  for (Json& row : Json::parse(json)) {
    if (row.contains("probability") && text.find("probability") == std::string::npos)
      row["probability"] = 1;
    list.push_back({row.at("name").get<std::string>(), row});
  }
  return list;
}

torch::Tensor augmentation_sheet(const datasets::DataFile& file, const std::vector<Named>& list,
                                 const std::string& title) {
  const datasets::Augmentation augmentation = make_augmentation(list);
  std::vector<SheetTile> tiles;
  const auto samples = static_cast<std::int64_t>(file.samples().size());
  const std::int64_t shown = std::min(samples, kShownSamples);
  for (std::int64_t i = 0; i < shown; ++i)
    add_tiles(file.read((2 * i + 1) * samples / (2 * shown)), augmentation, tiles);
  return datasets::contact_sheet(
      tiles, {.title = title, .classes = file.classes(), .columns = kDraws + 1});
}

}  // namespace medsweep::runner
