#include "runner/weights/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace medsweep::runner {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

const std::string kBegin = "\x80\x02"s;

Pickle read(const std::string& instructions) { return read_pickle(kBegin + instructions, "p"); }

std::string damage(const std::string& instructions) {
  try {
    read(instructions);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "nothing is damaged";
}

std::string pickle_refusal(const std::string& instructions) {
  try {
    read(instructions);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing is refused";
}

TEST(Pickle, ReadsNumbersAsPythonDoes) {
  // [0, 255, 65535, -1, -2**63, 2**64, 0.5, True, False, None]
  const Pickle pickle = read(
      "](K\x00K\xffM\xff\xffJ\xff\xff\xff\xff\x8a\x08\0\0\0\0\0\0\0\x80\x8a\x09\0\0\0\0\0\0\0\0\x01"
      "G\x3f\xe0\0\0\0\0\0\0\x88\x89Ne."s);
  const auto& items = pickle.as<PickledList>(pickle.root)->items;
  ASSERT_EQ(items.size(), 10U);
  EXPECT_EQ(*pickle.as<std::int64_t>(items[0]), 0);
  EXPECT_EQ(*pickle.as<std::int64_t>(items[1]), 255);
  EXPECT_EQ(*pickle.as<std::int64_t>(items[2]), 65535);
  EXPECT_EQ(*pickle.as<std::int64_t>(items[3]), -1);
  EXPECT_EQ(*pickle.as<std::int64_t>(items[4]), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(pickle.as<PickledBytes>(items[5])->bytes, "\0\0\0\0\0\0\0\0\x01"s);
  EXPECT_EQ(*pickle.as<double>(items[6]), 0.5);
  EXPECT_TRUE(*pickle.as<bool>(items[7]));
  EXPECT_FALSE(*pickle.as<bool>(items[8]));
  EXPECT_NE(pickle.as<std::monostate>(items[9]), nullptr);
}

TEST(Pickle, TellsHowManyBytesItTook) { EXPECT_EQ(read("N.and more"s).size, 4U); }

TEST(Pickle, AListThatHoldsItselfIsHarmless) {
  const Pickle pickle = read("]q\0h\0a."s);
  EXPECT_EQ(pickle.as<PickledList>(pickle.root)->items.at(0), pickle.root);
}

TEST(Pickle, DeeplyNestedListsAreHarmless) {
  const std::size_t depth = 200'000;
  const Pickle pickle = read(std::string(depth, ']') + std::string(depth - 1, 'a') + ".");
  EXPECT_EQ(pickle.values.size(), depth);
}

TEST(Pickle, MemoryIsBounded) {
  EXPECT_THAT(damage(std::string(1'000'001, 'N') + "."), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(damage(std::string(10'001, '(') + "."), HasSubstr("nested too deeply"));
  EXPECT_THAT(damage("X\xff\xff\xff\x7f" + "short"s), HasSubstr("ends early"));
  EXPECT_THAT(damage("\x8d\xff\xff\xff\xff\xff\xff\xff\xff" + "short"s), HasSubstr("ends early"));
  // One list of 100,000 that 100 sets are made of.
  std::string sets = "]q\0("s + std::string(100'000, 'N') + "e0c__builtin__\nset\nq\1"s;
  for (int i = 0; i < 100; ++i) sets += "h\1h\0\x85R"s;
  EXPECT_THAT(damage(sets + "."), HasSubstr("would fill more than 8000000 places"));
}

TEST(Pickle, WhatIsNotKnownIsNamedAndRefused) {
  EXPECT_THAT(pickle_refusal("cos\nsystem\n."s), HasSubstr("'os.system', which could run code"));
  EXPECT_THAT(pickle_refusal("\x8c\x02os\x8c\x06system\x93."s), HasSubstr("'os.system'"));
  EXPECT_THAT(pickle_refusal("c__builtin__\neval\n."s), HasSubstr("'__builtin__.eval'"));
  EXPECT_THAT(pickle_refusal("ctorch._utils\n_rebuild_tensor_v3\n."s),
              HasSubstr("_rebuild_tensor_v3"));
  EXPECT_THAT(pickle_refusal("(i__main__\nA\n."s), HasSubstr("instruction 0x69"));
  EXPECT_THAT(pickle_refusal("ccollections\nOrderedDict\n)\x81."s), HasSubstr("instruction 0x81"));
  EXPECT_THAT(pickle_refusal("ctorch\nFloatStorage\n)R."s),
              HasSubstr("calls 'torch.FloatStorage'"));
  EXPECT_THAT(pickle_refusal("]}b."s), HasSubstr("sets attributes"));
  EXPECT_THAT(pickle_refusal("cos\x01\xff\nsystem\n."s), HasSubstr("'os??.system'"));
}

TEST(Pickle, DamageIsFound) {
  EXPECT_THAT(damage(""), HasSubstr("ends early"));
  EXPECT_THAT(damage("."), HasSubstr("nothing on its stack"));
  EXPECT_THAT(damage("(N1."s), HasSubstr("nothing on its stack"));
  EXPECT_THAT(damage("N(."s), HasSubstr("nothing on its stack"));
  EXPECT_THAT(damage("h\0."s), HasSubstr("nothing was kept under 0"));
  EXPECT_THAT(damage("]e."s), HasSubstr("no mark"));
  EXPECT_THAT(damage("NNa."s), HasSubstr("what is no list"));
  EXPECT_THAT(damage("}(Nu."s), HasSubstr("a key without a value"));
  EXPECT_THAT(damage("NNR."s), HasSubstr("no function"));
  EXPECT_THAT(damage("NQ."s), HasSubstr("storage's description"));
  EXPECT_THROW(read_pickle("\x80\x06N."s, "p"), std::runtime_error);
  EXPECT_THROW(read_pickle("N."s, "p"), std::runtime_error);
}

/// A tensor of a storage with 4 floats; the numbers are instructions, strides and shape tuples.
std::string tensor(const std::string& offset, const std::string& shape, const std::string& strides,
                   const std::string& elements = "K\4"s) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\nFloatStorage\nU\1"
         "0U\3cpu"s +
         elements + "tQ"s + offset + shape + strides + "\x89}tR."s;
}

TEST(Pickle, TensorsStayWithinTheirStorages) {
  const Pickle pickle = read(tensor("K\1"s, "K\3\x85"s, "K\1\x85"s));
  const auto* whole = pickle.as<PickledTensor>(pickle.root);
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->offset, 1);
  EXPECT_EQ(whole->shape, std::vector<std::int64_t>{3});
  EXPECT_EQ(pickle.storages.at("0").elements, 4);

  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"s;
  EXPECT_THAT(damage(tensor("K\2"s, "K\3\x85"s, "K\1\x85"s)), HasSubstr("storage of 4 elements"));
  EXPECT_THAT(damage(tensor("K\0"s, "K\3\x85"s, "K\2\x85"s)), HasSubstr("strides [2]"));
  EXPECT_THAT(damage(tensor("K\0"s, huge + "\x85", "K\0\x85"s)), HasSubstr("strides [0]"));
  EXPECT_THAT(damage(tensor("K\0"s, "K\3\x85"s, huge + "\x85")), HasSubstr("storage of 4"));
  EXPECT_THAT(damage(tensor(huge, "K\3\x85"s, "K\1\x85"s)), HasSubstr("storage of 4"));
  EXPECT_THAT(damage(tensor("K\0"s, "K\1\x85"s, "J\xff\xff\xff\xff\x85"s)), HasSubstr("from 0 on"));
  EXPECT_THAT(damage(tensor("K\0"s, "K\1K\1\x86"s, "K\1\x85"s)), HasSubstr("2 axes and 1 strides"));
  EXPECT_THAT(damage(tensor("K\0"s, "K\1\x85"s, "K\1\x85"s, huge)), HasSubstr("storage of 92"));
  EXPECT_NO_THROW(read(tensor("K\4"s, "K\0\x85"s, "K\1\x85"s)));
  EXPECT_THAT(damage(tensor("K\5"s, "K\0\x85"s, "K\1\x85"s)), HasSubstr("at 5"));
}

}  // namespace
}  // namespace medsweep::runner
