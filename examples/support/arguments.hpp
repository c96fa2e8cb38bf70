// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace example {

/// The options of an example. CLI11 does the work in a file of its own, so that it is compiled once.
class Arguments {
 public:
  explicit Arguments(const std::string& description);
  ~Arguments();

  /// An option with a value; the variable's value is the default that --help shows.
  Arguments& option(const std::string& name, std::int64_t& value, const std::string& help);
  Arguments& option(const std::string& name, std::uint64_t& value, const std::string& help);
  Arguments& option(const std::string& name, double& value, const std::string& help);
  Arguments& option(const std::string& name, std::string& value, const std::string& help);

  /// An option without a value: true where it is given.
  Arguments& flag(const std::string& name, bool& value, const std::string& help);

  /// Any number of values without a name.
  Arguments& positional(const std::string& name, std::vector<std::string>& values, const std::string& help);

  /// Parses the command line and runs the program. Returns its exit code: 0, or 2 with a message for options, files and sizes
  /// that are not right, and where memory is out.
  int run(int argc, char** argv, const std::function<void()>& program);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// Throws ShapeError, with the option's name, unless a value given is finite and at least `least`.
void require_at_least(double least, double value, const std::string& option, const std::string& remedy);

/// The folder of the bundled digits, or where the environment variable NASH_DATA says.
std::string default_data();

/// True from the first Ctrl-C on; the second one ends the program at once. Call watch_for_interrupt() before.
bool interrupted();
void watch_for_interrupt();

}  // namespace example
