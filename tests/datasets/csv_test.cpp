#include "datasets/converters/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

CsvTable table(std::string_view text) { return {text, "t.csv"}; }

void expect_refused(std::string_view text, const std::string& reason) {
  EXPECT_THAT([&] { table(text); }, ThrowsMessage<std::invalid_argument>(HasSubstr(reason)));
}

TEST(Csv, RowsHaveTheHeadersColumns) {
  const CsvTable found = table("a,b\n1,x\n2,y\n");
  EXPECT_THAT(found.columns(), ElementsAre("a", "b"));
  ASSERT_EQ(found.rows(), 2u);
  EXPECT_EQ(found.at(1, "b"), "y");
  EXPECT_EQ(found.number(0, "a"), 1);
  EXPECT_TRUE(found.has("a"));
  EXPECT_FALSE(found.has("c"));
}

TEST(Csv, EveryLineEndIsTaken) {
  for (const char* text : {"a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r",
                           "a,b\n1,2\r\n3,4", "\r\na,b\n\n1,2\r\n\r\n3,4\n \n"}) {
    const CsvTable found = table(text);
    ASSERT_EQ(found.rows(), 2u) << text;
    EXPECT_EQ(found.at(0, "b"), "2") << text;
    EXPECT_EQ(found.at(1, "a"), "3") << text;
  }
}

TEST(Csv, AByteOrderMarkIsNoPartOfTheFirstColumn) {
  EXPECT_TRUE(table("\xEF\xBB\xBFpatientId,x\n1,2\n").has("patientId"));
  EXPECT_EQ(table("\xEF\xBB\xBF\"patientId\",x\n1,2\n").at(0, "patientId"), "1");
}

TEST(Csv, QuotesHoldCommasQuotesLineEndsAndBlanks) {
  const CsvTable found =
      table("a, \"b\" ,c\n\"1,5\",\"say \"\"no\"\"\",\" x \"\n\"two\r\nlines\",,\"\"\n");
  EXPECT_EQ(found.at(0, "a"), "1,5");
  EXPECT_EQ(found.at(0, "b"), "say \"no\"");
  EXPECT_EQ(found.at(0, "c"), " x ");
  EXPECT_EQ(found.at(1, "a"), "two\r\nlines");
  EXPECT_EQ(found.at(1, "b"), "");
  EXPECT_EQ(found.at(1, "c"), "");
}

TEST(Csv, BlanksAroundUnquotedFieldsGoAndThoseWithinStay) {
  const CsvTable found = table("a ,\tb\n  one two\t, 3 \n");
  EXPECT_EQ(found.at(0, "a"), "one two");
  EXPECT_EQ(found.number(0, "b"), 3);
}

TEST(Csv, AnEmptyFieldOfAnOnlyColumnIsARowWhereQuoted) {
  EXPECT_EQ(table("a\n\"\"\n\n").rows(), 1u);
}

TEST(Csv, AHeaderAloneIsATableWithoutRows) { EXPECT_EQ(table("a,b").rows(), 0u); }

TEST(Csv, PlacesCountLinesAsAnEditorDoes) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const CsvTable found = table("a,b" + end + end + "\"x" + end + "y\",1" + end + "z,2" + end);
    EXPECT_EQ(found.place(0), "[t.csv, line 3]");
    EXPECT_EQ(found.place(1), "[t.csv, line 5]");
  }
}

TEST(Csv, ARowOfAnotherLengthIsNamed) {
  expect_refused("a,b\n1,2\n3\n", "[t.csv, line 3] 1 fields, but 2 columns");
  expect_refused("a,b\r\n1,2,\r\n", "[t.csv, line 2] 3 fields, but 2 columns");
}

TEST(Csv, ABrokenQuoteIsNamedWhereItBegins) {
  expect_refused("a,b\n1,\"x\n2,y\n", "[t.csv, line 2] a quote that is not closed");
  expect_refused("a,b\n1,\"x\"y\n", "[t.csv, line 2] text behind a closing quote");
}

TEST(Csv, TwoColumnsOfOneNameAreRefused) { expect_refused("a,b,a\n", "two columns 'a'"); }

TEST(Csv, AnEmptyTableIsRefused) {
  for (const char* text : {"", "\n\r\n", " ", "\xEF\xBB\xBF"})
    expect_refused(text, "an empty table");
}

TEST(Csv, TextOfTwoBytesALetterIsRefused) {
  expect_refused(std::string_view("a\0,\0b\0\n\0", 8), "NUL bytes; text in UTF-8 is allowed");
}

TEST(Csv, WhatIsNoNumberIsNamed) {
  const CsvTable found = table("a,x\n1,12px\n1,\n1,nan\n1,1e3\n");
  EXPECT_THAT([&] { found.number(0, "x"); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("[t.csv, line 2] column x: '12px'; a number is allowed")));
  EXPECT_THROW(found.number(1, "x"), std::invalid_argument);
  EXPECT_THROW(found.number(2, "x"), std::invalid_argument);
  EXPECT_EQ(found.number(3, "x"), 1000);
}

TEST(Csv, AnUnknownColumnIsNamedBesideThoseThereAre) {
  EXPECT_THAT([&] { table("a,b\n1,2\n").at(0, "c"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no column 'c'; there are a, b")));
}

TEST(Csv, FilesAreReadAndNamed) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "x.csv", "a\n1\n");
  EXPECT_EQ(read_csv(folder / "x.csv").rows(), 1u);
  EXPECT_EQ(read_csv(folder / "x.csv").place(0), "[" + (folder / "x.csv").string() + ", line 2]");
  EXPECT_THAT([&] { read_csv(folder / "y.csv"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("y.csv] no such file")));
}

TEST(CsvReal, TheChallengesLabels) {
  const std::filesystem::path path = real_data("rsna/native/stage_2_train_labels_full.csv");
  if (path.empty()) GTEST_SKIP() << "the real RSNA labels are absent (MEDSWEEP_TEST_DATA)";
  EXPECT_EQ(read_csv(path).rows(), 30227u);
}

}  // namespace
}  // namespace medsweep::datasets
