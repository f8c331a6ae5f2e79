#include "datasets/converters/converters.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "datasets/converters/acdc.h"
#include "datasets/converters/chest_xray.h"
#include "datasets/converters/conversion.h"
#include "datasets/converters/drive.h"
#include "datasets/converters/phantom.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

enum class Source { kNone, kFolder };

struct Converter {
  ConversionPlan (*plan)(const ConverterOptions&);
  Source source;
  std::string_view options;  // that it reads beside those for all, separated by blanks
};

// The one place to touch for a new data set.
constexpr std::array kConverters{
    Entry<Converter>{"phantom",
                     "phantom",
                     "datasets/converters/phantom",
                     {plan_phantom, Source::kNone, "kind dimension patients slices size channels seed"},
                     "made-up hearts, vessels, lungs, opacities or blobs; no download"},
    Entry<Converter>{"acdc",
                     "acdc",
                     "datasets/converters/acdc",
                     {plan_acdc, Source::kFolder, "dimension spacing"},
                     "ACDC: cardiac MRI in NIfTI, slices or volumes with rv, myo, lv"},
    Entry<Converter>{"drive",
                     "drive",
                     "datasets/converters/drive",
                     {plan_drive, Source::kFolder, ""},
                     "DRIVE: retinas in TIFF and GIF with vessels and the field of view"},
    Entry<Converter>{"chest_xray",
                     "cxr",
                     "datasets/converters/chest_xray",
                     {plan_chest_xray, Source::kFolder, "patient"},
                     "chest X-rays in class folders; lungs from masks or from a trained model"},
};
static_assert(names_are_unique(kConverters));

// Of every converter.
constexpr std::string_view kCommonOptions =
    "source output name compression threads patient-key skip-bad";

bool has_word(std::string_view words, std::string_view word) {
  const std::string padded = fmt::format(" {} ", words);
  return padded.find(fmt::format(" {} ", word)) != std::string::npos;
}

void check_paths(const Entry<Converter>& entry, const ConverterOptions& options) {
  if (options.output.empty())
    throw std::invalid_argument(fmt::format("[{}] no output; a file name is needed", entry.name));
  const fs::path folder = options.output.has_parent_path() ? options.output.parent_path() : ".";
  if (!options.output.has_filename() || !fs::is_directory(folder))
    throw std::invalid_argument(
        fmt::format("[{}] its folder does not exist; create it first", options.output.string()));
  if (entry.make.source == Source::kNone && !options.source.empty())
    throw std::invalid_argument(fmt::format("[{}] source {}; it makes its own data and takes none",
                                            entry.name, options.source.string()));
  if (entry.make.source == Source::kFolder && !fs::exists(options.source))
    throw std::invalid_argument(
        fmt::format("[{}] source '{}' does not exist; the data set's folder as distributed is "
                    "needed",
                    entry.name, options.source.string()));
}

}  // namespace

ConversionPlan plan_conversion(std::string_view name, const ConverterOptions& options) {
  const auto& entry = find("converter", kConverters, name);
  check_paths(entry, options);
  ConversionPlan plan = entry.make.plan(options);
  if (!options.name.empty()) plan.header.name = options.name;
  if (plan.items.empty())
    throw std::invalid_argument(
        fmt::format("[{}] nothing to convert in it", options.source.string()));
  return plan;
}

ConverterReport convert(std::string_view name, const ConverterOptions& options,
                        const ConverterProgress& progress) {
  return run_conversion(name, plan_conversion(name, options), options, progress);
}

bool reads_source(std::string_view name) {
  return find("converter", kConverters, name).make.source == Source::kFolder;
}

bool reads_option(std::string_view name, std::string_view option) {
  return has_word(kCommonOptions, option) ||
         has_word(find("converter", kConverters, name).make.options, option);
}

std::vector<Row> converter_rows() { return rows_of(kConverters); }

}  // namespace medsweep::datasets
