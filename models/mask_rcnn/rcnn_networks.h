#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/mask_rcnn/policies.h"

namespace medsweep::models {

class Model;
struct MaskRcnnOptions;

/// A network that finds objects: which heads, and what they predict.
struct RcnnKind {
  RcnnVersion version;
  RcnnOutputs outputs;
};

/// The networks that find objects, as rows of the kind "model".
std::vector<Row> rcnn_rows();

/// Whether `name` is one of them.
bool is_rcnn(std::string_view name);

/// Throws std::invalid_argument for an unknown name.
RcnnKind rcnn_kind(std::string_view name);

/// A MaskRcnn that samples at random. Throws as its constructor.
std::shared_ptr<Model> make_rcnn(const MaskRcnnOptions& options);

/// What several tasks' networks exchange, as rows of the kind "feature_share".
std::vector<Row> feature_share_rows();

}  // namespace medsweep::models
