// SPDX-License-Identifier: Apache-2.0
#include "support/arguments.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <new>
#include <stdexcept>

#include "nash/core/error.hpp"

namespace example {

struct Arguments::Parser {
  explicit Parser(const std::string& description) : app(description) { app.option_defaults()->always_capture_default(); }
  CLI::App app;
};

Arguments::Arguments(const std::string& description) : parser_(std::make_unique<Parser>(description)) {}
Arguments::~Arguments() = default;

namespace {
/// CLI11 would take -1 as 2^64 − 1 and the nearest number for one that has no place.
template <class T>
std::string check_whole_number(const std::string& text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem == std::errc{} && stop == end) return {};
  return nash::concat({"expected a whole number of ", std::numeric_limits<T>::min(), " to ", std::numeric_limits<T>::max(), ", got ", text});
}
}  // namespace

Arguments& Arguments::option(const std::string& name, std::int64_t& value, const std::string& help) {
  parser_->app.add_option(name, value, help)->check(check_whole_number<std::int64_t>);
  return *this;
}
Arguments& Arguments::option(const std::string& name, std::uint64_t& value, const std::string& help) {
  parser_->app.add_option(name, value, help)->check(check_whole_number<std::uint64_t>);
  return *this;
}
Arguments& Arguments::option(const std::string& name, double& value, const std::string& help) {
  parser_->app.add_option(name, value, help);
  return *this;
}
Arguments& Arguments::option(const std::string& name, std::string& value, const std::string& help) {
  parser_->app.add_option(name, value, help);
  return *this;
}
Arguments& Arguments::flag(const std::string& name, bool& value, const std::string& help) {
  parser_->app.add_flag(name, value, help);
  return *this;
}
Arguments& Arguments::positional(const std::string& name, std::vector<std::string>& values, const std::string& help) {
  parser_->app.add_option(name, values, help);
  return *this;
}

namespace {
void say_memory_is_out() { std::cerr << "There is not enough memory for these sizes.\nUse smaller networks, batches or data.\n"; }
}  // namespace

int Arguments::run(int argc, char** argv, const std::function<void()>& program) {
  try {
    parser_->app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return parser_->app.exit(error) == 0 ? 0 : 2;
  }
  try {
    program();
    return 0;
  } catch (const nash::Error& error) {
    std::cerr << error.what() << '\n';
  } catch (const std::bad_alloc&) {
    say_memory_is_out();
  } catch (const std::length_error&) {  // of a container that was to be larger than any memory
    say_memory_is_out();
  } catch (const std::exception& error) {
    std::cerr << "Error: " << error.what() << '\n';
  }
  return 2;
}

void require_at_least(double least, double value, const std::string& option, const std::string& remedy) {
  if (!(value >= least && std::isfinite(value)))
    throw nash::ShapeError(option, nash::concat({"at least ", least}), nash::concat({value}), remedy);
}

std::string default_data() {
  const char* const folder = std::getenv("NASH_DATA");
  return folder != nullptr ? folder : NASH_EXAMPLE_DATA;
}

namespace {
volatile std::sig_atomic_t interrupt_seen = 0;
}

bool interrupted() { return interrupt_seen != 0; }

void watch_for_interrupt() {
  std::signal(SIGINT, [](int) {
    interrupt_seen = 1;
    std::signal(SIGINT, SIG_DFL);
  });
}

}  // namespace example
