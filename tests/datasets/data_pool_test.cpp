#include "datasets/data_pool.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <stdexcept>

#include "base/random.h"
#include "datasets/split.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// A file called `name`, of the data set `dataset`, with two samples of each of the patients.
PoolMember pool_file(const std::string& name, const std::string& dataset,
                     const std::vector<std::string>& patients, const std::string& group = "") {
  PoolMember file{.name = name,
                  .classes = {"lv"},
                  .channels = 1,
                  .samples = {},
                  .sizes = {},
                  .read = [](std::int64_t, const torch::Tensor&) { return RawSample{}; },
                  .dataset = dataset};
  for (const std::string& patient : patients)
    for (const char* phase : {"ED", "ES"}) {
      SampleId id;
      id.index = std::ssize(file.samples);
      id.patient = patient;
      id.case_name = fmt::format("case{}_{}", patient.substr(patient.size() - 1), phase);
      id.name = fmt::format("{}/{}", id.case_name, id.index);
      id.group = group;
      file.samples.push_back(id);
      file.sizes.push_back({8, 8});
    }
  return file;
}

std::vector<std::string> patients_of(const DataPool& pool) {
  std::vector<std::string> names;
  for (const SampleId& id : pool.samples()) names.push_back(id.patient);
  return names;
}

TEST(DataPoolPatients, TwoFilesOfOneDataSetShowTheSamePerson) {
  const DataPool pool(
      {pool_file("acdc_256", "acdc", {"p1"}), pool_file("acdc_3d", "acdc", {"p1"})});
  EXPECT_THAT(patients_of(pool), testing::Each("acdc:p1"));
  EXPECT_EQ(pool.samples()[0].name, "acdc_256:case1_ED/0");
  EXPECT_EQ(pool.samples()[2].name, "acdc_3d:case1_ED/0");
  EXPECT_EQ(pool.samples()[2].case_name, "acdc_3d:case1_ED");
  EXPECT_EQ(pool.samples()[2].source, "acdc_3d");
}

TEST(DataPoolPatients, NamesakesOfTwoDataSetsAreTwoPersons) {
  const DataPool pool({pool_file("a", "drive", {"p1"}), pool_file("b", "stare", {"p1"})});
  EXPECT_EQ(patients_of(pool),
            (std::vector<std::string>{"drive:p1", "drive:p1", "stare:p1", "stare:p1"}));
}

TEST(DataPoolPatients, AKeyedHashIsThePersonInAnyDataSet) {
  const DataPool pool({pool_file("a", "rsna", {"~0123456789abcdef0123"}),
                       pool_file("b", "clinic", {"~0123456789abcdef0123", "p1"})});
  EXPECT_EQ(patients_of(pool),
            (std::vector<std::string>{"~0123456789abcdef0123", "~0123456789abcdef0123",
                                      "~0123456789abcdef0123", "~0123456789abcdef0123", "clinic:p1",
                                      "clinic:p1"}));
}

TEST(DataPoolPatients, InAPoolOfOneAllNamesStay) {
  const DataPool pool({pool_file("a", "acdc", {"p1"})});
  EXPECT_EQ(pool.samples()[0].patient, "p1");
  EXPECT_EQ(pool.samples()[0].name, "case1_ED/0");
}

TEST(DataPoolPatients, ADataFileSaysWhichDataSetItIsOf) {
  const TemporaryFolder folder;
  write_made_file(folder / "first.h5", 2);
  write_made_file(folder / "second.h5", 4);
  std::vector<PoolMember> members;
  for (const char* name : {"first.h5", "second.h5"})
    members.push_back(pool_member(std::make_shared<const DataFile>(folder / name)));
  const DataPool pool(std::move(members));
  EXPECT_EQ(pool.samples()[0].patient, "made:case0");
  EXPECT_EQ(pool.samples()[2].patient, "made:case0");
  EXPECT_EQ(pool.samples()[2].name, "second:case0_ED/0");
}

TEST(DataPoolPatients, OneWhoseGroupsDifferBetweenFilesIsRefusedWithBothNames) {
  const DataPool pool({pool_file("a", "acdc", {"p1", "p2", "p3"}, "DCM"),
                       pool_file("b", "acdc", {"p4", "p2"}, "NOR")});
  SplitOptions options;
  options.stratify = "group";
  EXPECT_THAT([&] { split(pool.samples(), options); },
              ThrowsMessage<std::invalid_argument>(
                  "[split] patient 'acdc:p2' is in the groups 'DCM' (sample 'a:case2_ED/2') and "
                  "'NOR' (sample 'b:case2_ED/2'); one group is allowed"));
  options.stratify.clear();
  EXPECT_NO_THROW(split(pool.samples(), options));
}

TEST(DataPoolPatients, OneWhoseFoldsDifferBetweenFilesIsRefused) {
  PoolMember first = pool_file("a", "acdc", {"p1", "p2"}),
             second = pool_file("b", "acdc", {"p2", "p3"});
  for (std::size_t i = 0; i < 4; ++i) {
    first.samples[i].fold = static_cast<std::int64_t>(i) / 2;
    second.samples[i].fold = static_cast<std::int64_t>(i) / 2;
  }
  const DataPool pool({first, second});
  SplitOptions options;
  options.fold_source = FoldSource::kFile;
  EXPECT_THAT([&] { split(pool.samples(), options, 0); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("patient 'acdc:p2' would be divided: sample 'a:case2_ED/2' is of fold "
                            "1, 'b:case2_ED/0' of fold 0")));
}

/// A pool of random files: a few data sets, persons that stand in several files of one, and persons
/// that are known by their hash in any. `person` of each sample says who it really is.
struct MadePool {
  std::vector<PoolMember> members;
  std::vector<std::string> person;
};

MadePool random_pool(RandomStream& stream) {
  MadePool made;
  const std::int64_t files = 1 + stream.below(5), datasets = 1 + stream.below(3);
  for (std::int64_t f = 0; f < files; ++f) {
    PoolMember member =
        pool_file(fmt::format("file{}", f), fmt::format("set{}", stream.below(datasets)), {});
    const std::int64_t samples = 6 + stream.below(20);
    for (std::int64_t i = 0; i < samples; ++i) {
      const std::int64_t number = stream.below(12);
      const bool hashed = stream.chance(0.4);
      SampleId id;
      id.index = i;
      id.name = fmt::format("s{}", i);
      id.case_name = id.name;
      id.patient = fmt::format("{}{:03}", hashed ? "~" : "p", number);
      id.group = fmt::format("G{}", number % 3);
      id.source = stream.chance(0.5) ? "left" : "";
      id.fold = number % 4;
      made.person.push_back(hashed ? id.patient : member.dataset + "/" + id.patient);
      member.samples.push_back(id);
      member.sizes.push_back({8, 8});
    }
    made.members.push_back(std::move(member));
  }
  return made;
}

SplitOptions random_options(RandomStream& stream, std::int64_t persons, std::int64_t& fold) {
  SplitOptions options;
  options.seed = stream.bits();
  if (stream.chance(0.5)) options.stratify = "group";
  if (stream.chance(0.5)) options.test = stream.uniform(0.05, 0.4);
  fold = -1;
  switch (stream.below(4)) {
    case 0:
      options.folds =
          2 + stream.below(std::min<std::int64_t>(4, std::max<std::int64_t>(1, persons / 2 - 1)));
      fold = stream.below(options.folds);
      break;
    case 1:
      options.fold_source = FoldSource::kFile;
      fold = stream.below(4);
      break;
    case 2:
      options.validation = stream.uniform(0.05, 0.4);
      break;
    default:
      options.validation = 1 + stream.below(2);
  }
  return options;
}

TEST(DataPoolPatients, NobodyIsOnTwoSidesOfAnySplit) {
  RandomStream stream{2026, 11};
  int divided = 0;
  for (int round = 0; round < 400; ++round) {
    MadePool made = random_pool(stream);
    const DataPool pool(made.members);
    const auto persons = static_cast<std::int64_t>(
        std::set<std::string>(made.person.begin(), made.person.end()).size());
    std::int64_t fold = -1;
    const SplitOptions options = random_options(stream, persons, fold);
    SCOPED_TRACE(fmt::format("round {}, {} files, {} persons, fold {}", round, made.members.size(),
                             persons, fold));
    Split parts;
    try {
      parts = split(pool.samples(), options, fold);
    } catch (const std::invalid_argument&) {
      continue;  // nothing left to train on, a fold that nobody has: told, and nothing is divided
    }
    ++divided;
    std::map<std::string, std::set<char>> sides;
    std::set<std::int64_t> seen;
    const auto note = [&](const std::vector<std::int64_t>& part, char side) {
      for (const std::int64_t i : part) {
        EXPECT_TRUE(seen.insert(i).second) << "sample " << i << " twice";
        sides[made.person[static_cast<std::size_t>(i)]].insert(side);
      }
    };
    note(parts.train, 'a');
    note(parts.validation, 'b');
    note(parts.test, 'c');
    EXPECT_EQ(std::ssize(seen), std::ssize(pool.samples()));
    for (const auto& [person, where] : sides) EXPECT_EQ(where.size(), 1U) << person;
  }
  EXPECT_GT(divided, 300);
}

}  // namespace
}  // namespace medsweep::datasets
