#include "datasets/converters/converters.h"

#include <fmt/format.h>

#include <array>
#include <stdexcept>

#include "datasets/converters/acdc.h"
#include "datasets/converters/drive.h"
#include "datasets/converters/phantom.h"

namespace medsweep::datasets {
namespace {

enum class Source { kNone, kFolder };

struct Converter {
  ConverterReport (*run)(const ConverterOptions&, const ConverterProgress&);
  Source source;
};

// The one place to touch for a new data set.
constexpr std::array kConverters{
    Entry<Converter>{"phantom",
                     "phantom",
                     "datasets/converters/phantom",
                     {convert_phantom, Source::kNone},
                     "made-up hearts (rv, myo, lv): noise, bias field, real spacing; no download"},
    Entry<Converter>{"acdc",
                     "acdc",
                     "datasets/converters/acdc",
                     {convert_acdc, Source::kFolder},
                     "ACDC: cardiac MRI in NIfTI, slices with rv, myo, lv; split by patient"},
    Entry<Converter>{"drive",
                     "drive",
                     "datasets/converters/drive",
                     {convert_drive, Source::kFolder},
                     "DRIVE: retinas in TIFF and GIF with vessels and the field of view"},
};
static_assert(names_are_unique(kConverters));

}  // namespace

ConverterReport convert(std::string_view name, const ConverterOptions& options,
                        const ConverterProgress& progress) {
  const auto& entry = find("converter", kConverters, name);
  if (options.output.empty())
    throw std::invalid_argument(fmt::format("[{}] no output; a file name is needed", name));
  if (entry.make.source == Source::kNone && !options.source.empty())
    throw std::invalid_argument(fmt::format("[{}] source {}; it makes its own data and takes none",
                                            name, options.source.string()));
  if (entry.make.source == Source::kFolder && !std::filesystem::is_directory(options.source))
    throw std::invalid_argument(
        fmt::format("[{}] source '{}' is no folder; the data set's folder "
                    "as distributed is needed",
                    name, options.source.string()));
  return entry.make.run(options, progress);
}

bool reads_source(std::string_view name) {
  return find("converter", kConverters, name).make.source == Source::kFolder;
}

std::vector<Row> converter_rows() { return rows_of(kConverters); }

}  // namespace medsweep::datasets
