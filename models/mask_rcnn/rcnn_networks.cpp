#include "models/mask_rcnn/rcnn_networks.h"

#include <algorithm>
#include <array>

#include "models/mask_rcnn/mask_rcnn.h"

namespace medsweep::models {
namespace {

constexpr std::array kRcnnNetworks{
    Entry<RcnnKind>{"mask_rcnn", "mrcnn", "models/mask_rcnn/mask_rcnn",
                    RcnnKind{RcnnVersion::kV1, RcnnOutputs::kMasks},
                    "Mask R-CNN on a feature pyramid: objects with boxes and masks"},
    Entry<RcnnKind>{"mask_rcnn_v2", "mrcnn2", "models/mask_rcnn/mask_rcnn",
                    RcnnKind{RcnnVersion::kV2, RcnnOutputs::kMasks},
                    "Mask R-CNN with deeper heads and batch normalisation everywhere"},
    Entry<RcnnKind>{"faster_rcnn", "frcnn", "models/mask_rcnn/mask_rcnn",
                    RcnnKind{RcnnVersion::kV1, RcnnOutputs::kBoxes},
                    "Faster R-CNN on a feature pyramid: objects with boxes"},
};
static_assert(names_are_unique(kRcnnNetworks));

constexpr std::array kFeatureShares{
    Entry<FeatureShare>{"none", "noshare", "", FeatureShare::kNone, "tasks share nothing"},
    Entry<FeatureShare>{"mean", "mean", "models/mask_rcnn/mask_rcnn", FeatureShare::kMean,
                        "both tasks go on with the mean of their pyramids, level by level"},
    Entry<FeatureShare>{"concat", "concat", "models/mask_rcnn/mask_rcnn", FeatureShare::kConcat,
                        "both with a convolution of their pyramids behind each other"},
    Entry<FeatureShare>{"top_to_bottom", "t2b", "models/mask_rcnn/mask_rcnn",
                        FeatureShare::kTopToBottom,
                        "the second with the mean, the first with its own pyramid"},
};
static_assert(names_are_unique(kFeatureShares));

}  // namespace

std::vector<Row> rcnn_rows() { return rows_of(kRcnnNetworks); }

bool is_rcnn(std::string_view name) {
  return std::ranges::any_of(kRcnnNetworks, [&](const auto& row) { return row.name == name; });
}

RcnnKind rcnn_kind(std::string_view name) { return find("model", kRcnnNetworks, name).make; }

std::shared_ptr<Model> make_rcnn(const MaskRcnnOptions& options) {
  return std::make_shared<MaskRcnn>(options);
}

std::vector<Row> feature_share_rows() { return rows_of(kFeatureShares); }

}  // namespace medsweep::models
