// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <cstdio>
#include <tuple>

#include "digit_lab/score.hpp"
#include "digit_lab/training.hpp"
#include "nash/io.hpp"

namespace digit_lab {

/// Names of what was the same for all seeds of a row, and its values, as they are in the table.
inline const std::vector<std::string> setting_names{"steps", "updates_of_d", "optimizer", "batch_size", "width", "hidden", "latent", "digits"};
using SettingValues = std::vector<std::string>;

inline SettingValues values_of(const Row& row, const Settings& settings, index_t digits) {
  SettingValues values;
  for (const index_t number : {settings.steps, updates_of_d(row, settings)}) values.push_back(nash::concat({number}));
  values.push_back(optimizers(row, settings));
  for (const index_t number : {settings.batch_size, settings.width, settings.hidden, settings.latent, digits}) values.push_back(nash::concat({number}));
  return values;
}

/// A run of a row with one seed.
struct Result {
  const Row* row;
  SettingValues settings;
  std::uint64_t seed;
  Score score;

  bool is_of_same_row(const Result& other) const { return row == other.row && settings == other.settings; }
};

/// The file digits.csv of a folder: a line for each run.
class ResultWriter {
 public:
  explicit ResultWriter(const std::filesystem::path& folder) : file_(folder / "digits.csv", columns()) {}

  void write(const Result& result) {
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
      file_.row(result.row->name, result.seed, result.score.sure, result.score.rarest, result.score.classes, result.settings[Is]...);
    }(std::make_index_sequence<8>{});
  }

  static std::vector<std::string> columns() {
    std::vector<std::string> columns{"method", "seed", "sure", "rarest", "classes"};
    columns.insert(columns.end(), setting_names.begin(), setting_names.end());
    return columns;
  }

 private:
  nash::CsvWriter file_;
};

/// What a ResultWriter has left in a folder. Throws DataError, with the line, for anything else.
inline std::vector<Result> read_results(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "digits.csv";
  const nash::Bytes bytes = nash::read_file(path, index_t{1} << 24);
  std::vector<std::vector<std::string>> lines{{""}};
  for (const std::uint8_t byte : bytes) {
    if (byte == '\n')
      lines.push_back({""});
    else if (byte == ',')
      lines.back().emplace_back();
    else
      lines.back().back() += static_cast<char>(byte);
  }
  const auto refuse = [&](std::size_t line, const std::string& expected, const std::string& got) {
    throw nash::DataError(nash::concat({path.string(), ", line ", line + 1}), expected, got, "give folders that digit_lab has left");
  };
  const auto number = [&]<class T>(std::size_t line, std::size_t column, T least, T most) {
    const std::string& text = lines[line][column];
    T value{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most))
      refuse(line, nash::concat({"a number of ", least, " to ", most, " in column ", ResultWriter::columns()[column]}), "'" + text + "'");
    return value;
  };
  if (lines.front() != ResultWriter::columns()) refuse(0, "the header of digits.csv", nash::concat({lines.front().size(), " columns, the first '", lines.front().front(), "'"}));
  if (lines.back() != std::vector<std::string>{""}) refuse(lines.size() - 1, "a line that ends", "'" + lines.back().front() + "' and the end of the file");
  std::vector<Result> results;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    if (lines[i].size() != lines.front().size()) refuse(i, nash::concat({lines.front().size(), " values"}), nash::concat({lines[i].size()}));
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& own) { return own.name == lines[i][0]; });
    if (row == rows.end()) refuse(i, "a method that --list names", "'" + lines[i][0] + "'");
    results.push_back({&*row, SettingValues(lines[i].begin() + 5, lines[i].end()), number(i, 1, std::uint64_t{0}, ~std::uint64_t{0}),
                       {number(i, 2, 0.0, 1.0), number(i, 3, 0.0, 1.0), number(i, 4, index_t{0}, index_t{10})}});
  }
  return results;
}

/// Throws DataError where a run is there twice, which would count twice.
inline void require_each_once(const std::vector<Result>& results) {
  for (std::size_t i = 0; i < results.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (results[i].is_of_same_row(results[k]) && results[i].seed == results[k].seed)
        throw nash::DataError("digit_lab", "each run in one of the folders", nash::concat({results[i].row->name, " with seed ", results[i].seed, " twice"}),
                              "leave one of the folders out");
}

inline void print_table_head() {
  std::printf("| Method | `--methods` | seeds | sure | rarest digit | digits of 10 |\n|---|---|---|---|---|---|\n");
}

/// "48.9 %" of one run, "48.9 % (41.0 to 56.9)" of several: the mean, the least and the largest.
inline std::string summary(const std::vector<Result>& runs, const char* format, const char* unit, double (*value)(const Score&)) {
  double total = 0, least = value(runs.front().score), largest = least;
  for (const Result& run : runs) {
    const double own = value(run.score);
    total += own, least = std::min(least, own), largest = std::max(largest, own);
  }
  std::array<char, 32> text;
  const auto written = [&](double number) {
    std::snprintf(text.data(), text.size(), format, number);
    return std::string(text.data());
  };
  const std::string mean = written(total / static_cast<double>(runs.size())) + unit;
  return runs.size() == 1 ? mean : nash::concat({mean, " (", written(least), " to ", written(largest), ")"});
}

/// A line of the table. `text` is the row's.
inline void print_line(const std::string& text, const std::string& name, const std::string& seeds, const std::vector<Result>& runs) {
  const char* const digits = runs.size() == 1 ? "%.0f" : "%.1f";
  std::printf("| %s | %s | %s | %s | %s | %s |\n", text.c_str(), name.c_str(), seeds.c_str(),
              summary(runs, "%.1f", " %", [](const Score& score) { return 100 * score.sure; }).c_str(),
              summary(runs, "%.1f", " %", [](const Score& score) { return 100 * score.rarest; }).c_str(),
              summary(runs, digits, "", [](const Score& score) { return static_cast<double>(score.classes); }).c_str());
  std::fflush(stdout);
}

/// A line for each row and its settings, in the order of the rows. Of settings those are named in which the row's lines differ.
inline void print_table(std::vector<Result> results) {
  std::stable_sort(results.begin(), results.end(), [](const Result& a, const Result& b) { return a.row < b.row; });
  print_table_head();
  for (std::size_t i = 0; i < results.size(); ++i) {
    std::vector<Result> runs;
    bool is_first = true;
    std::string differing;
    for (std::size_t k = 0; k < results.size(); ++k) {
      if (!results[k].is_of_same_row(results[i])) continue;
      is_first = is_first && k >= i;
      runs.push_back(results[k]);
    }
    if (!is_first) continue;
    for (std::size_t s = 0; s < setting_names.size(); ++s)
      if (std::any_of(results.begin(), results.end(), [&](const Result& other) { return other.row == results[i].row && other.settings[s] != results[i].settings[s]; }))
        differing += nash::concat({", ", setting_names[s], " ", results[i].settings[s]});
    print_line(results[i].row->text + differing, nash::concat({"`", results[i].row->name, "`"}), nash::concat({runs.size()}), runs);
  }
}

}  // namespace digit_lab
