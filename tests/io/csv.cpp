// SPDX-License-Identifier: Apache-2.0
#include "nash/io/csv.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

std::string text_of(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, 1 << 20);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("CsvWriter: numbers, optionals and texts; every row is in the file as soon as it is written") {
  const TemporaryFolder folder;
  CsvWriter csv(folder / "run/metrics.csv", {"step", "loss", "note"});
  CHECK(text_of(csv.path()) == "step,loss,note\n");
  csv.row(1, 0.1f, "plain");
  CHECK(text_of(csv.path()) == "step,loss,note\n1,0.1,plain\n");
  csv.row(std::int64_t{-9007199254740993}, std::optional<double>{}, std::string("x"));
  csv.row(std::uint8_t{7}, std::optional(1.0 / 3.0), "");
  csv.row(true, std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<float>::infinity());
  CHECK(text_of(csv.path()) == "step,loss,note\n1,0.1,plain\n-9007199254740993,,x\n7,0.3333333333333333,\ntrue,nan,-inf\n");
}

TEST_CASE("CsvWriter: quotes what needs it (RFC 4180)") {
  const TemporaryFolder folder;
  CsvWriter csv(folder / "a.csv", {"a,b", "c\"d"});
  csv.row("two\nlines", std::optional<std::string>("say \"no\""));
  csv.row("a b", "\r");
  CHECK(text_of(csv.path()) == "\"a,b\",\"c\"\"d\"\n\"two\nlines\",\"say \"\"no\"\"\"\na b,\"\r\"\n");
}

TEST_CASE("CsvWriter: replaces an old file") {
  const TemporaryFolder folder;
  write_file(folder / "a.csv", Bytes(100, 'x'));
  CsvWriter csv(folder / "a.csv", {"a"});
  CHECK(text_of(csv.path()) == "a\n");
}

TEST_CASE("CsvWriter: a row of another length, no columns, no folder") {
  const TemporaryFolder folder;
  CsvWriter csv(folder / "a.csv", {"a", "b"});
  CHECK(message_of<ShapeError>([&] { csv.row(1); }) ==
        "CsvWriter (" + (folder / "a.csv").string() +
            "): expected 2 values, one a column, got 1.\nGive a value or an empty optional for every column.");
  CHECK(message_of<ShapeError>([&] { csv.row(1, 2, 3); }).find("got 3") != std::string::npos);
  csv.row(1, 2);
  CHECK(text_of(csv.path()) == "a,b\n1,2\n");
  CHECK(message_of<ShapeError>([&] {
          CsvWriter(folder / "b.csv", {});
        }).starts_with("CsvWriter: expected at least one column, got none."));
  CHECK(message_of([&] { CsvWriter(folder / "a.csv/b.csv", {"a"}); }).find("cannot create its folder") != std::string::npos);
  CHECK(message_of([&] { CsvWriter("/dev/full", {"a"}); }) ==
        "/dev/full: cannot be written: No space left on device.\nChoose a folder that you may write to, with enough space.");
}
