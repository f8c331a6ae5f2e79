#include "datasets/converters/phantom.h"

#include <array>

#include "datasets/converters/phantom_hearts.h"
#include "datasets/converters/phantom_vessels.h"

namespace medsweep::datasets {
namespace {

using PlanPhantom = ConversionPlan (*)(const ConverterOptions&);

constexpr std::array kPhantoms{
    Entry<PlanPhantom>{"hearts", "hearts", "datasets/converters/phantom_hearts", plan_hearts,
                       "short-axis MRI at two phases, as ACDC: rv, myo, lv; slices or volumes"},
    Entry<PlanPhantom>{"vessels", "vessels", "datasets/converters/phantom_vessels", plan_vessels,
                       "retinas in colour, as DRIVE: vessels, field of view, second observer"},
};
static_assert(names_are_unique(kPhantoms));

}  // namespace

ConversionPlan plan_phantom(const ConverterOptions& options) {
  return find("phantom kind", kPhantoms, options.phantom.kind).make(options);
}

std::vector<Row> phantom_rows() { return rows_of(kPhantoms); }

}  // namespace medsweep::datasets
