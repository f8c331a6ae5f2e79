#include "runner/lung_masks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

namespace medsweep::runner {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

torch::Tensor levels(std::vector<std::uint8_t> values, std::vector<std::int64_t> shape) {
  return torch::tensor(values, torch::kUInt8).reshape(shape);
}

// cdf = numpy.histogram(image.flatten(), 256, [0, 256])[0].cumsum(); masked where 0;
// ((cdf - cdf.min()) * 255 / (cdf.max() - cdf.min())).astype("uint8")[image]
TEST(Equalized, FollowsTheRunningCountsOfTheLungsSystem) {
  EXPECT_TRUE(equalized(levels({10, 10, 20, 30, 30, 30}, {1, 2, 3}))
                  .equal(levels({0, 0, 63, 255, 255, 255}, {1, 2, 3})));
}

TEST(Equalized, AllChannelsShareOneHistogram) {
  EXPECT_TRUE(equalized(levels({1, 2, 3, 4, 4, 4}, {3, 1, 2}))
                  .equal(levels({0, 51, 102, 255, 255, 255}, {3, 1, 2})));
}

TEST(Equalized, AnImageOfOneLevelIsBlack) {
  EXPECT_TRUE(equalized(levels({7, 7}, {1, 1, 2})).equal(levels({0, 0}, {1, 1, 2})));
}

TEST(Equalized, OtherTypesAreScaledFirst) {
  const torch::Tensor wide = levels({10, 10, 20, 30, 30, 30}, {1, 2, 3}).to(torch::kInt16) * 100;
  EXPECT_TRUE(equalized(wide).equal(levels({0, 0, 63, 255, 255, 255}, {1, 2, 3})));
}

TEST(TrainedTrial, SaysWhatIsNotThere) {
  const auto refused = [](const std::string& text) {
    return [text] { trained_trial(text, {testing::TempDir() + "/runs"}); };
  };
  EXPECT_THAT(refused("lungs/unet"),
              ThrowsMessage<std::invalid_argument>(HasSubstr("[lungs/unet] no such trial in")));
  EXPECT_THAT(refused("trial:lungs/unet"),
              ThrowsMessage<std::invalid_argument>(HasSubstr("no such trial in")));
  EXPECT_THAT(refused(testing::TempDir()),
              ThrowsMessage<std::invalid_argument>(HasSubstr("lies in no study's folder")));
  EXPECT_THAT([] { LungModels({}, {}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("at least one")));
}

}  // namespace
}  // namespace medsweep::runner
