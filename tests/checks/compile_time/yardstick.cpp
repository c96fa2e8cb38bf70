// SPDX-License-Identifier: Apache-2.0
//
// Nothing of nash: what takes a compiler a few seconds on the machine that docs/performance.md speaks of, and longer in its slow
// hours and on slower machines. compile_time/quickstart is judged beside it.
#include <algorithm>
#include <map>
#include <random>
#include <regex>
#include <string>
#include <vector>

std::map<std::string, std::vector<double>> yardstick(const std::string& text, const std::string& wide) {
  std::map<std::string, std::vector<double>> found;
  const std::regex word("([a-z]+)=([0-9.]+)");
  for (std::sregex_iterator match(text.begin(), text.end(), word), end; match != end; ++match)
    found[(*match)[1]].push_back(std::stod((*match)[2]));
  std::mt19937_64 random(static_cast<unsigned long>(wide.size()));
  for (auto& [name, values] : found) {
    std::shuffle(values.begin(), values.end(), random);
    std::stable_sort(values.begin(), values.end());
  }
  return found;
}
