#include "datasets/split.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

// `patients` patients with two cases of three slices; groups by turns; the last `testing` patients
// come from the source "testing".
std::vector<SampleId> hearts(std::int64_t patients, std::int64_t groups = 1,
                             std::int64_t testing = 0) {
  std::vector<SampleId> samples;
  for (std::int64_t p = 0; p < patients; ++p)
    for (const char* frame : {"ED", "ES"})
      for (std::int64_t slice = 0; slice < 3; ++slice) {
        SampleId id;
        id.index = std::ssize(samples);
        id.patient = fmt::format("patient{:03}", p + 1);
        id.case_name = id.patient + "_" + frame;
        id.name = fmt::format("{}/{}", id.case_name, slice);
        id.group = fmt::format("G{}", p % groups);
        id.source = p >= patients - testing ? "testing" : "training";
        samples.push_back(id);
      }
  return samples;
}

std::set<std::string> patients_of(const std::vector<SampleId>& samples,
                                  const std::vector<std::int64_t>& part) {
  std::set<std::string> names;
  for (const std::int64_t i : part) names.insert(samples[static_cast<std::size_t>(i)].patient);
  return names;
}

std::string refusal(const std::vector<SampleId>& samples, const SplitOptions& options,
                    std::int64_t fold = -1) {
  try {
    split(samples, options, fold);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

SplitPart cases(std::vector<std::string> names) { return names; }

TEST(Split, EverySampleIsInOnePartAndNoPatientInTwo) {
  const auto samples = hearts(15);
  SplitOptions options;
  options.test = 0.2;
  options.validation = std::int64_t{4};
  const Split parts = split(samples, options);
  EXPECT_EQ(patients_of(samples, parts.test).size(), 3U);
  EXPECT_EQ(patients_of(samples, parts.validation).size(), 4U);
  EXPECT_EQ(patients_of(samples, parts.train).size(), 8U);
  std::vector<std::int64_t> all = parts.train;
  all.insert(all.end(), parts.validation.begin(), parts.validation.end());
  all.insert(all.end(), parts.test.begin(), parts.test.end());
  std::ranges::sort(all);
  ASSERT_EQ(all.size(), samples.size());
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], static_cast<std::int64_t>(i));
  EXPECT_TRUE(std::ranges::is_sorted(parts.train));
}

TEST(Split, FoldsValidateEveryPatientOnceAndBalanceGroupsWithinOne) {
  const auto samples = hearts(23, 3);
  SplitOptions options;
  options.folds = 5;
  options.stratify = "group";
  std::map<std::string, int> validated;
  std::size_t smallest = 23, largest = 0;
  for (std::int64_t fold = 0; fold < 5; ++fold) {
    const auto names = patients_of(samples, split(samples, options, fold).validation);
    smallest = std::min(smallest, names.size());
    largest = std::max(largest, names.size());
    std::map<char, int> groups;
    for (const std::string& name : names) {
      ++validated[name];
      ++groups[static_cast<char>('0' + (std::stoi(name.substr(7)) - 1) % 3)];
    }
    for (const auto& [group, count] : groups)  // 8, 8 and 7 patients over 5 folds
      EXPECT_TRUE(count == 1 || count == 2) << group << " has " << count << " in fold " << fold;
    EXPECT_EQ(groups.size(), 3U);
  }
  EXPECT_LE(largest - smallest, 1U);
  EXPECT_EQ(validated.size(), 23U);
  for (const auto& [name, times] : validated) EXPECT_EQ(times, 1) << name;
}

TEST(Split, DoesNotDependOnTheOrderOfTheSamples) {
  auto samples = hearts(15, 5);
  SplitOptions options;
  options.test = 0.2;
  options.stratify = "group";
  const auto test = patients_of(samples, split(samples, options).test);
  std::ranges::reverse(samples);
  EXPECT_EQ(patients_of(samples, split(samples, options).test), test);
}

TEST(Split, AnotherSeedIsAnotherSplitAndTheSameSeedTheSame) {
  const auto samples = hearts(40);
  SplitOptions options, other;
  other.seed = 1;
  EXPECT_EQ(split(samples, options).validation, split(samples, options).validation);
  EXPECT_NE(split(samples, options).validation, split(samples, other).validation);
}

TEST(Split, AFractionOfEveryGroupIsTaken) {
  const auto samples = hearts(40, 4);
  SplitOptions options;
  options.stratify = "group";
  options.validation = 0.2;
  std::map<int, int> groups;
  for (const std::string& name : patients_of(samples, split(samples, options).validation))
    ++groups[(std::stoi(name.substr(7)) - 1) % 4];
  EXPECT_EQ(groups, (std::map<int, int>{{0, 2}, {1, 2}, {2, 2}, {3, 2}}));
}

TEST(Split, ASourceIsTheTest) {
  const auto samples = hearts(6, 1, 2);
  SplitOptions options;
  options.test = source_is("source:testing");
  EXPECT_EQ(patients_of(samples, split(samples, options).test),
            (std::set<std::string>{"patient005", "patient006"}));
  options.test = SourceIs{"testin"};
  EXPECT_EQ(refusal(samples, options),
            "[split.test] 'testin' is not in the data; did you mean 'testing'?");
}

TEST(Split, CasesAndPatientsMayBeListed) {
  const auto samples = hearts(6);
  SplitOptions options;
  options.test = cases({"patient001_ED", "patient001_ES"});
  options.validation = cases({"patient004"});
  const Split parts = split(samples, options);
  EXPECT_EQ(patients_of(samples, parts.test), (std::set<std::string>{"patient001"}));
  EXPECT_EQ(patients_of(samples, parts.validation), (std::set<std::string>{"patient004"}));
}

TEST(Split, AListThatDividesAPatientIsRefused) {
  SplitOptions options;
  options.test = cases({"patient001_ED"});
  EXPECT_EQ(refusal(hearts(6), options),
            "[split] patient 'patient001' would be divided: test = ... takes 'patient001_ED/2' and "
            "leaves 'patient001_ES/2'; name both, or by = \"sample\" is allowed");
  options.by = SplitUnit::kSample;
  EXPECT_EQ(split(hearts(6), options).test.size(), 3U);
}

TEST(Split, ErrorsSayWhatIsAllowed) {
  SplitOptions options;
  options.folds = 5;
  EXPECT_EQ(refusal(hearts(3), options, 0), "[split] 5 folds of 3 patients; 2 to 3 are allowed");
  EXPECT_EQ(refusal(hearts(9), options, 5), "[split] fold 5; 0 to 4 are allowed");
  EXPECT_EQ(refusal(hearts(9), {}, 0),
            "[split] fold 0 without folds; validation = { folds = 5 } is needed");
  options = {};
  options.test = cases({"patient01_ED"});
  EXPECT_EQ(refusal(hearts(3), options),
            "[split.test] 'patient01_ED' is not in the data; did you mean 'patient001_ED'?");
  options = {};
  options.validation = 1.5;
  EXPECT_EQ(refusal(hearts(3), options), "[split.validation] 1.5; a fraction in [0, 1) is allowed");
  options.validation = std::int64_t{3};
  EXPECT_EQ(refusal(hearts(3), options),
            "[split.validation] 3 of 3 patients; 0 to 2 are allowed, so that some are left to "
            "train");
  options.validation = cases({"patient001", "patient002", "patient003"});
  EXPECT_EQ(refusal(hearts(3), options),
            "[split] nothing is left to train on: 0 samples to test, 18 to validate of 18");
  EXPECT_THROW(split_unit("case"), std::invalid_argument);
  EXPECT_THROW(source_is("testing"), std::invalid_argument);
}

// Patients 1 ... 6 by turns in the folds 0, 1, 2; `free` more have none.
std::vector<SampleId> hearts_with_folds(std::int64_t free = 0) {
  auto samples = hearts(6 + free);
  for (SampleId& id : samples) {
    const std::int64_t number = std::stoll(id.patient.substr(7)) - 1;
    id.fold = number < 6 ? number % 3 : -1;
  }
  return samples;
}

SplitOptions folds_of_file() {
  SplitOptions options;
  options.fold_source = FoldSource::kFile;
  return options;
}

TEST(Split, TheFilesFoldsValidateWhomTheFileSays) {
  const auto samples = hearts_with_folds();
  const Split parts = split(samples, folds_of_file(), 1);
  EXPECT_EQ(patients_of(samples, parts.validation),
            (std::set<std::string>{"patient002", "patient005"}));
  EXPECT_EQ(patients_of(samples, parts.train),
            (std::set<std::string>{"patient001", "patient003", "patient004", "patient006"}));
  EXPECT_TRUE(parts.test.empty());
}

TEST(Split, WhoHasNoFoldInTheFileTrainsInAll) {
  const auto samples = hearts_with_folds(2);
  for (const std::int64_t fold : {0, 1, 2}) {
    const auto train = patients_of(samples, split(samples, folds_of_file(), fold).train);
    EXPECT_EQ(train.size(), 6U);
    EXPECT_TRUE(train.contains("patient007") && train.contains("patient008"));
  }
}

TEST(Split, TheTestIsTakenBeforeTheFilesFolds) {
  const auto samples = hearts_with_folds();
  SplitOptions options = folds_of_file();
  options.test = cases({"patient002"});
  const Split parts = split(samples, options, 1);
  EXPECT_EQ(patients_of(samples, parts.test), (std::set<std::string>{"patient002"}));
  EXPECT_EQ(patients_of(samples, parts.validation), (std::set<std::string>{"patient005"}));
  options.test = cases({"patient002", "patient005"});
  EXPECT_EQ(refusal(samples, options, 1), "[split] fold 1 is not in the file; it has 0, 2");
}

TEST(Split, FoldsThatTheFileLacksAreRefused) {
  EXPECT_EQ(refusal(hearts(6), folds_of_file(), 0),
            "[split] validation = { folds = \"file\" }, but no sample has a fold; { folds = 5 } "
            "draws them");
  EXPECT_EQ(refusal(hearts_with_folds(), folds_of_file(), 3),
            "[split] fold 3 is not in the file; it has 0, 1, 2");
  EXPECT_EQ(refusal(hearts_with_folds(), folds_of_file(), -1),
            "[split] fold -1 is not in the file; it has 0, 1, 2");
}

TEST(Split, AFoldOfTheFileThatDividesAPatientIsRefused) {
  auto samples = hearts_with_folds();
  samples[4].fold = 2;
  const std::string text =
      "[split] patient 'patient001' would be divided: sample 'patient001_ED/0' is of fold 0, "
      "'patient001_ES/1' of fold 2 in the file; one fold is allowed";
  for (const std::int64_t fold : {0, 1, 2})
    EXPECT_EQ(refusal(samples, folds_of_file(), fold), text);
  samples[4].fold = -1;
  EXPECT_EQ(refusal(samples, folds_of_file(), 0),
            "[split] patient 'patient001' would be divided: sample 'patient001_ED/0' is of fold 0, "
            "'patient001_ES/1' of no fold in the file; one fold is allowed");
  SplitOptions options = folds_of_file();
  options.by = SplitUnit::kSample;
  EXPECT_EQ(split(samples, options, 0).validation.size(), 11U);
}

TEST(Split, AUnitInTwoGroupsOrWithoutAPatientIsRefused) {
  auto samples = hearts(4, 2);
  samples[1].group = "other";
  SplitOptions options;
  options.stratify = "group";
  EXPECT_EQ(refusal(samples, options),
            "[split] patient 'patient001' is in the groups 'G0' (sample 'patient001_ED/0') and "
            "'other' (sample "
            "'patient001_ED/1'); one group is allowed");
  samples = hearts(4);
  samples[3].patient = "";
  EXPECT_EQ(refusal(samples, {}),
            "[split] sample 'patient001_ES/0' has no patient; by = \"sample\" is allowed");
}

}  // namespace
}  // namespace medsweep::datasets
