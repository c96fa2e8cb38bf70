// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <optional>
#include <type_traits>

#include "nash/io/file.hpp"

namespace nash {

/// Writes a table as comma-separated values (RFC 4180, with lines that end in \n), one row at a time. A row is in the
/// operating system's hands when row() returns, so that a run that is killed keeps its rows.
///
///     CsvWriter csv{"runs/1/metrics.csv", {"step", "d_loss", "g_loss"}};
///     csv.row(step, report.d_loss, report.g_loss);       // an empty optional is an empty field
class CsvWriter {
 public:
  /// Creates the file, with its folder, and writes the header. Throws DataError if that fails, ShapeError without columns.
  CsvWriter(std::filesystem::path path, const std::vector<std::string>& columns)
      : file_(std::move(path)), columns_(static_cast<index_t>(columns.size())) {
    if (columns.empty()) throw ShapeError("CsvWriter", "at least one column", "none", "name the columns");
    for (const std::string& column : columns) append(column);
    write_line();
  }

  const std::filesystem::path& path() const { return file_.path(); }

  /// Writes one row of numbers, texts and optionals of them. Floating-point numbers have the fewest digits that read back
  /// as the same number. Throws ShapeError if their number is not that of the columns, DataError if writing fails.
  template <class... Values>
  void row(const Values&... values) {
    constexpr index_t count = sizeof...(values);
    if (count != columns_)
      throw ShapeError(concat({"CsvWriter (", path().string(), ")"}), concat({columns_, " values, one a column"}), concat({count}),
                       "give a value or an empty optional for every column");
    (append(values), ...);
    write_line();
  }

 private:
  template <class Value>
  void append(const std::optional<Value>& value) {
    if (value.has_value())
      append(*value);
    else
      line_ += ',';
  }

  template <class Number>
  requires std::is_arithmetic_v<Number>
  void append(Number number) {
    char digits[64];
    if constexpr (std::is_same_v<Number, bool>)
      line_ += number ? "true" : "false";
    else
      line_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
    line_ += ',';
  }

  void append(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
      line_ += text;
    } else {
      line_ += '"';
      for (const char c : text) line_.append(c == '"' ? 2 : 1, c);
      line_ += '"';
    }
    line_ += ',';
  }

  void write_line() {
    line_.back() = '\n';  // in the place of the last comma
    file_.write(line_);
    line_.clear();
  }

  OutputFile file_;
  index_t columns_;
  std::string line_;
};

}  // namespace nash
