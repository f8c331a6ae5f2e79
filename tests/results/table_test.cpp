#include "results/table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "base/files.h"
#include "results/journal.h"
#include "results/record.h"
#include "results/render.h"
#include "results/status.h"
#include "tests/results/temporary_folder.h"

namespace medsweep::results {
namespace {

namespace fs = std::filesystem;

PlannedTrial planned(const std::string& loss, std::int64_t seed) {
  return {.identity = fmt::format("{}{}", loss, seed),
          .name = fmt::format("{}-s{}", loss, seed),
          .seed = seed,
          .labels = {{"loss", loss}, {"model", "unet"}},
          .knobs = R"({"epochs":2,"model":"unet","optimizer":{"name":"sgd"}})"};
}

class TableTest : public InTemporaryFolder {
 protected:
  TableTest() : journal_(folder_ / "runs" / "demo", "job") {}

  Index index() { return Index({folder_ / "runs"}, folder_ / "cache"); }

  /// Values of two cases and two classes; the second case lies `apart` below the first.
  void finish(const PlannedTrial& trial, double number, double apart = 0.1) {
    journal_.append(record(AttemptRecord{.trial = trial.identity}));
    for (const char* class_name : {"lv", "myo"})
      for (const char* sample : {"p1", "p2"}) {
        const double off = *class_name == 'l' ? 0.0 : 0.2;
        value(trial, sample, class_name, number - off - (sample[1] == '1' ? 0 : apart));
      }
    journal_.append(record(DoneRecord{.trial = trial.identity, .epochs = 2}));
  }

  void value(const PlannedTrial& trial, const std::string& sample, const std::string& class_name,
             std::optional<double> number) {
    journal_.append(record(ValueRecord{.trial = trial.identity,
                                       .split = "test",
                                       .epoch = 2,
                                       .step = 20,
                                       .sample = sample,
                                       .class_name = class_name,
                                       .metric = "dice",
                                       .value = number}));
  }

  /// A study with every kind of cell: full, one seed, failed, running, missing, half finished.
  void write_study() {
    for (const char* loss : {"bce", "dice_<b>&", "=ce|x", "focal", "面積", "half"})
      for (const std::int64_t seed : {0, 1}) trials_.push_back(planned(loss, seed));
    finish(trials_[0], 0.9);
    finish(trials_[1], 0.8);
    finish(trials_[2], 0.5);
    finish(trials_[3], 0.5);
    value(trials_[3], "p3", "lv", std::nullopt);
    journal_.append(record(FailureRecord{
        .trial = trials_[4].identity, .failure = FailureClass::kNotANumber, .message = "loss"}));
    journal_.append(record(AttemptRecord{.trial = trials_[6].identity}));
    finish(trials_[10], 0.7);
  }

  const TableDefaults defaults_{.metrics = {"dice"}};
  std::vector<PlannedTrial> trials_;
  Journal journal_;
};

TEST_F(TableTest, AveragesCasesThenClassesThenSeeds) {
  write_study();
  const Table table = make_tables(parse_table_spec("{}"), defaults_, trials_, index()).at(0);
  EXPECT_EQ(table.row_keys, std::vector<std::string>{"loss"});  // the model does not vary
  const Cell& cell = table.rows.at(0).cells.at(0);
  // Trials: (0.9 + 0.8 + 0.7 + 0.6) / 4 = 0.75 and 0.65.
  EXPECT_NEAR(cell.mean.value(), 0.70, 1e-12);
  EXPECT_NEAR(cell.spread.value(), std::sqrt(0.005), 1e-12);
  EXPECT_EQ(cell.cases, 2);
  EXPECT_EQ(cell.seeds, 2);
  EXPECT_EQ(cell.trials, (std::vector<std::string>{"bce0", "bce1"}));
}

TEST_F(TableTest, ShowsTheDefaultDataSetUnlessItSaysWhichSplit) {
  write_study();
  for (const PlannedTrial& trial : {trials_[0], trials_[1]})
    journal_.append(record(ValueRecord{.trial = trial.identity,
                                       .split = "test",
                                       .dataset = "other.h5",
                                       .epoch = 2,
                                       .step = 20,
                                       .sample = "q1",
                                       .class_name = "lv",
                                       .metric = "dice",
                                       .value = 0.25}));
  TableDefaults defaults = defaults_;
  defaults.dataset = "other.h5";
  const auto shown = [&](const char* spec) {
    return make_tables(parse_table_spec(spec), defaults, trials_, index())
        .at(0)
        .rows.at(0)
        .cells.at(0)
        .mean.value();
  };
  EXPECT_EQ(shown("{}"), 0.25);
  EXPECT_NEAR(shown(R"({"where":{"split":"test"}})"), 0.70, 1e-12);
  EXPECT_EQ(shown(R"({"where":{"split":"test","evaluate":"other.h5"}})"), 0.25);
}

TEST_F(TableTest, AClassWithFewerCasesWeighsAsMuchAsAnother) {
  std::vector<Value> values{{"p1", "lv", "dice", 1.0},
                            {"p2", "lv", "dice", 0.0},
                            {"p1", "rv", "dice", 1.0},
                            {"p2", "rv", "dice", std::nullopt}};
  EXPECT_EQ(mean_over_cases_and_classes(values), 0.75);
  values = {{"p1", "lv", "dice", std::nullopt}};
  EXPECT_EQ(mean_over_cases_and_classes(values), std::nullopt);
}

TEST_F(TableTest, FiltersAndSpreadsByClass) {
  write_study();
  const Index index = this->index();
  const auto lv = make_tables(parse_table_spec(R"({"where":{"class":"lv","loss":["bce","half"]}})"),
                              defaults_, trials_, index)
                      .at(0);
  EXPECT_EQ(lv.rows.size(), 2U);
  EXPECT_NEAR(lv.rows[0].cells[0].mean.value(), 0.80, 1e-12);
  const auto by_class = make_tables(parse_table_spec(R"({"rows":"loss","columns":["class"]})"),
                                    defaults_, trials_, index)
                            .at(0);
  ASSERT_EQ(by_class.columns.size(), 2U);
  EXPECT_EQ(by_class.columns[1].labels, std::vector<std::string>{"myo"});
  EXPECT_NEAR(by_class.rows[0].cells[1].mean.value(), 0.60, 1e-12);
}

TEST_F(TableTest, CasesLayoutGivesTheSmallestAndLargestCase) {
  write_study();
  const Table table = make_tables(parse_table_spec(R"({"layout":"cases","where":{"loss":"bce"}})"),
                                  defaults_, trials_, index())
                          .at(0);
  const Cell& cell = table.rows.at(0).cells.at(0);
  EXPECT_NEAR(cell.mean.value(), 0.70, 1e-12);
  EXPECT_NEAR(cell.smallest.value(), 0.65, 1e-12);
  EXPECT_NEAR(cell.largest.value(), 0.75, 1e-12);
}

TEST_F(TableTest, EveryStateOfATrialIsVisible) {
  write_study();
  const Table table = make_tables(parse_table_spec("{}"), defaults_, trials_, index()).at(0);
  const auto text = [&](std::size_t row) {
    return cell_text(table.rows[row].cells[0], table.columns[0], table.layout);
  };
  EXPECT_EQ(text(0), "0.700 ± 0.071");
  EXPECT_EQ(text(2), "failed: not_a_number");
  EXPECT_EQ(text(3), "running");
  EXPECT_EQ(text(4), "missing");
  EXPECT_EQ(text(5), "0.550 (1 of 2)");
  EXPECT_EQ(cell_text({}, table.columns[0], table.layout), "–");
}

TEST_F(TableTest, ForEachMakesOneTableForEachValue) {
  write_study();
  const auto tables =
      make_tables(parse_table_spec(R"({"caption":"T","for_each":"seed","rows":["loss"]})"),
                  defaults_, trials_, index());
  ASSERT_EQ(tables.size(), 2U);
  EXPECT_EQ(tables[1].caption, "T; seed = 1");
  EXPECT_EQ(tables[1].rows[5].cells[0].planned, 1);
  EXPECT_EQ(table_text(tables[0]).notes.at(1), "n = 1: no claim");
}

TEST_F(TableTest, SplitsTheTrialsOfTwoRunsFoldersIntoOneTable) {
  trials_ = {planned("bce", 0), planned("bce", 1)};
  finish(trials_[0], 0.9);
  Journal other(folder_ / "others" / "elsewhere", "job");
  other.append(record(ValueRecord{
      .trial = "bce1", .split = "test", .sample = "p1", .metric = "dice", .value = 0.5}));
  other.append(record(DoneRecord{.trial = "bce1"}));
  const Index both({folder_ / "runs", folder_ / "others"}, folder_ / "cache");
  const Table table =
      make_tables(parse_table_spec(R"({"rows":"loss"})"), defaults_, trials_, both).at(0);
  EXPECT_EQ(table.rows.at(0).cells.at(0).done, 2);
  EXPECT_NEAR(table.rows[0].cells[0].mean.value(), (0.75 + 0.5) / 2, 1e-12);
}

TEST(TableSpecTest, SaysWhatIsWrong) {
  const auto message = [](const std::string& json) -> std::string {
    try {
      parse_table_spec(json);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message(R"({"row":["a"]})"),
            "[table] unknown name 'row'; did you mean 'rows'? known: caption where rows columns "
            "for_each metrics baseline layout");
  EXPECT_EQ(message(R"({"layout":"case"})"),
            "[table.layout] unknown name 'case'; did you mean 'cases'? known: seeds cases");
  EXPECT_EQ(message(R"({"rows":[1]})"), "[table.rows] [1]; a name or a list of names is allowed");
  EXPECT_EQ(message(R"({"where":3})"), "[table.where] 3; a table of key = value is allowed");
}

TEST_F(TableTest, AKeyOfNoTrialIsAnError) {
  write_study();
  const Index index = this->index();
  EXPECT_THROW(make_tables(parse_table_spec(R"({"rows":"los"})"), defaults_, trials_, index),
               std::invalid_argument);
  EXPECT_THROW(
      make_tables(parse_table_spec(R"({"where":{"loss":"l2"}})"), defaults_, trials_, index),
      std::invalid_argument);
  EXPECT_EQ(label_of(trials_[0], "optimizer"), "sgd");
  EXPECT_EQ(label_of(trials_[0], "optimizer.name"), "sgd");
}

/// A study through journal and index to a table, in every format, equals the committed text. With
/// MEDSWEEP_WRITE_GOLDEN set the text is written instead.
class EveryFormat : public TableTest, public testing::WithParamInterface<const char*> {};

TEST_P(EveryFormat, OfAStudysTableEqualsTheCommittedText) {
  write_study();
  const auto tables = make_tables(
      parse_table_spec(R"({"caption":"Loss & 50% <area>","rows":["loss"],"columns":["class"],
                           "baseline":{"loss":"bce"}})"),
      defaults_, trials_, index());
  const std::string text = render(tables, table_format(GetParam()));
  const fs::path golden =
      fs::path(MEDSWEEP_SOURCE_DIR) / "tests/golden" / fmt::format("table.{}.txt", GetParam());
  if (std::getenv("MEDSWEEP_WRITE_GOLDEN") != nullptr) write_file_atomically(golden, text);
  EXPECT_EQ(text, read_file(golden));
}

INSTANTIATE_TEST_SUITE_P(Table, EveryFormat,
                         testing::Values("terminal", "markdown", "csv", "latex", "html", "json"),
                         [](const auto& info) { return std::string(info.param); });

TEST(DisplayWidth, CountsWideAndCombiningLetters) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("±–×"), 3U);
  EXPECT_EQ(display_width("面積"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);
  EXPECT_EQ(display_width("\xff\xff"), 2U);
}

TEST_F(TableTest, StatusCountsAndEstimates) {
  write_study();
  journal_.append(record(EpochRecord{.trial = trials_[6].identity, .epoch = 1, .seconds = 100}));
  const Status status = status_of("demo", trials_, index(), {.now = now_seconds() + 700});
  EXPECT_EQ(status.done, 5);
  EXPECT_EQ(status.failed, 1);
  EXPECT_EQ(status.running, 1);
  EXPECT_EQ(status.left, 5);
  EXPECT_NEAR(status.seconds_left.value(), 100 * (1 + 2 * 5), 1e-9);
  EXPECT_TRUE(status.trials[6].is_silent);
  const std::string text = status_text(status, now_seconds() + 700);
  EXPECT_TRUE(
      text.starts_with("demo: 12 trials, 1 running, 5 done, 1 failed, 5 left\n"
                       "time left: about 18 min 20 s\n"))
      << text;
  EXPECT_NE(text.find("failed   =ce|x-s0  epoch 0/2  not_a_number: loss\n"), std::string::npos)
      << text;
  EXPECT_EQ(nlohmann::json::parse(status_json(status))["trials"].size(), 12U);
}

}  // namespace
}  // namespace medsweep::results
