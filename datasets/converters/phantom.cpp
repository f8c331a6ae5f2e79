#include "datasets/converters/phantom.h"

#include <array>

#include "datasets/converters/phantom_blobs.h"
#include "datasets/converters/phantom_hearts.h"
#include "datasets/converters/phantom_lungs.h"
#include "datasets/converters/phantom_opacities.h"
#include "datasets/converters/phantom_vessels.h"

namespace medsweep::datasets {
namespace {

using PlanPhantom = ConversionPlan (*)(const ConverterOptions&);

constexpr std::array kPhantoms{
    Entry<PlanPhantom>{"hearts", "hearts", "datasets/converters/phantom_hearts", plan_hearts,
                       "short-axis MRI at two phases, as ACDC: rv, myo, lv; slices or volumes"},
    Entry<PlanPhantom>{"vessels", "vessels", "datasets/converters/phantom_vessels", plan_vessels,
                       "retinas in colour, as DRIVE: vessels, field of view, second observer"},
    Entry<PlanPhantom>{"lungs", "lungs", "datasets/converters/phantom_lungs", plan_lungs,
                       "chest X-rays, as Montgomery: left and right lung, also as instances"},
    Entry<PlanPhantom>{"opacities", "opacities", "datasets/converters/phantom_opacities",
                       plan_opacities,
                       "chest X-rays, as RSNA: boxes around opacities, half have none"},
    Entry<PlanPhantom>{"blobs", "blobs", "datasets/converters/phantom_blobs", plan_blobs,
                       "volumes of heads, as BraTS: nested tumours with ncr, ed, et"},
};
static_assert(names_are_unique(kPhantoms));

}  // namespace

ConversionPlan plan_phantom(const ConverterOptions& options) {
  return find("phantom kind", kPhantoms, options.phantom.kind).make(options);
}

std::vector<Row> phantom_rows() { return rows_of(kPhantoms); }

}  // namespace medsweep::datasets
