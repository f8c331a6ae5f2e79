#include "runner/prediction_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "base/files.h"
#include "datasets/converters/image_files.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::ThrowsMessage;

class PredictionFolder : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  json document() const { return json::parse(read_file(folder_ / "annotations.json")); }
  static PredictedImage image() { return {"x", "x.png", torch::zeros({1, 4, 6}, torch::kUInt8)}; }

  fs::path folder_ = fs::path(testing::TempDir()) / "predicted";
};

TEST_F(PredictionFolder, EveryPartOfALabelMapIsAnObjectWithItsMeanProbability) {
  models::Prediction prediction;
  prediction.labels = torch::zeros({4, 6}, torch::kUInt8);
  prediction.labels[0][0] = 1;
  prediction.labels[0][1] = 1;
  prediction.labels[3][5] = 1;
  prediction.labels[2][2] = 2;
  prediction.probabilities = torch::full({2, 4, 6}, 0.5F);
  prediction.probabilities[0][0][0] = 1;
  PredictionFiles files(folder_, {{"segmentation", {"left", "right, lower"}}});
  files.add(image(), prediction);
  files.finish();
  EXPECT_EQ(read_file(folder_ / "boxes.csv"),
            "image,task,class,score,x1,y1,x2,y2\n"
            "x,segmentation,left,0.75,0,0,2,1\n"
            "x,segmentation,left,0.5,5,3,6,4\n"
            "x,segmentation,\"right, lower\",0.5,2,2,3,3\n");
  EXPECT_EQ(read_file(folder_ / "classes.csv"),
            "task,label,class\nsegmentation,1,left\nsegmentation,2,\"right, lower\"\n");
  const torch::Tensor labels = datasets::read_label_image(folder_ / "labels/x.png");
  EXPECT_TRUE(labels.equal(prediction.labels));
  const json all = document();
  EXPECT_EQ(all["images"][0]["height"], 4);
  ASSERT_EQ(all["annotations"].size(), 3u);
  EXPECT_EQ(all["annotations"][0]["area"], 2);
  EXPECT_EQ(all["annotations"][2]["category_id"], 2);
  EXPECT_EQ(all["categories"][1]["name"], "right, lower");
}

TEST_F(PredictionFolder, ObjectsOfTasksHaveCategoriesAndLabelMapsOfTheirOwn) {
  models::Prediction prediction;
  models::Detections& found = prediction.detections["myo"];
  found.boxes = torch::tensor({{1.F, 1.F, 3.5F, 3.F}});
  found.scores = torch::tensor({0.875F});
  found.labels = torch::ones({1}, torch::kInt64);
  found.masks = torch::zeros({1, 4, 6}, torch::kUInt8);
  found.masks[0][2][2] = 1;
  prediction.detections["lv"] = {torch::zeros({0, 4}), torch::zeros({0}),
                                 torch::zeros({0}, torch::kInt64),
                                 torch::zeros({0, 4, 6}, torch::kUInt8)};
  PredictionFiles files(folder_, {{"lv", {"lv"}}, {"myo", {"myo"}}}, Overlays::kDrawn);
  files.add(image(), prediction);
  files.finish();
  EXPECT_EQ(read_file(folder_ / "boxes.csv"),
            "image,task,class,score,x1,y1,x2,y2\nx,myo,myo,0.875,1,1,3.5,3\n");
  EXPECT_EQ(datasets::read_label_image(folder_ / "labels/myo/x.png").sum().item<int>(), 1);
  EXPECT_EQ(datasets::read_label_image(folder_ / "labels/lv/x.png").sum().item<int>(), 0);
  EXPECT_TRUE(fs::exists(folder_ / "overlays/x.png"));
  const json all = document();
  ASSERT_EQ(all["annotations"].size(), 1u);
  EXPECT_EQ(all["annotations"][0]["category_id"], 2);
  EXPECT_EQ(all["annotations"][0]["score"], 0.875);
  EXPECT_EQ(all["annotations"][0]["area"], 1);
  EXPECT_EQ(all["categories"][1]["supercategory"], "myo");
}

TEST_F(PredictionFolder, RefusesAFullFolderAndTwoImagesOfOneName) {
  models::Prediction prediction;
  prediction.labels = torch::zeros({4, 6}, torch::kUInt8);
  PredictionFiles files(folder_, {{"segmentation", {"lung"}}});
  files.add(image(), prediction);
  EXPECT_THAT([&] { files.add(image(), prediction); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("two images are called so")));
  EXPECT_THAT(
      [&] {
        PredictionFiles(folder_, {{"segmentation", {"lung"}}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("is there already")));
}

}  // namespace
}  // namespace medsweep::runner
