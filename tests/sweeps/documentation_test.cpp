// The complete studies of docs/studies.md load and say what the page says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/files.h"
#include "tests/sweeps/example_schema.h"

namespace medsweep::sweeps {
namespace {

using testing::ElementsAre;

/// The page's TOML blocks that are whole studies, by their names.
std::map<std::string, std::string> studies_of_the_page() {
  const std::string page = read_file(std::string(MEDSWEEP_SOURCE_DIR) + "/docs/studies.md");
  const std::string fence = "```toml\n";
  std::map<std::string, std::string> studies;
  for (std::size_t at = 0; (at = page.find(fence, at)) != std::string::npos;) {
    at += fence.size();
    const std::string block = page.substr(at, page.find("```", at) - at);
    if (!block.starts_with("name")) continue;
    const std::size_t quote = block.find('"') + 1;
    studies[block.substr(quote, block.find('"', quote) - quote)] = block;
  }
  return studies;
}

TEST(Documentation, EveryCompleteStudyLoads) {
  std::map<std::string, std::vector<std::string>> names;
  for (const auto& [name, text] : studies_of_the_page()) names[name] = names_of(load_text(text));
  ASSERT_EQ(names.size(), 6U);
  EXPECT_EQ(names["retina"].size(), 12U);
  EXPECT_EQ(names["retina"][3], "rgb-fliprot-s0");
  EXPECT_EQ(names["retina"].back(), "green-fliprot-s2");
  EXPECT_THAT(names["attentions"], ElementsAre("none", "se", "both"));
  EXPECT_THAT(names["with_a_reference"],
              ElementsAre("rgb-unet", "gray-unet", "green-unet", "gray-retina"));
  EXPECT_THAT(names["conditions"],
              ElementsAre("none", "fliprot", "se", "se-fliprot", "pam-fliprot"));
  EXPECT_EQ(names["folds"].size(), 10U);
  EXPECT_THAT(names["shown"], ElementsAre("rgb", "rgb-fliprot", "green", "green-fliprot"));
}

}  // namespace
}  // namespace medsweep::sweeps
