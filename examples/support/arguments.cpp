// SPDX-License-Identifier: Apache-2.0
#include "support/arguments.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "nash/core/error.hpp"

namespace example {

struct Arguments::Parser {
  explicit Parser(const std::string& description) : app(description) { app.option_defaults()->always_capture_default(); }
  CLI::App app;
};

Arguments::Arguments(const std::string& description) : parser_(std::make_unique<Parser>(description)) {}
Arguments::~Arguments() = default;

Arguments& Arguments::option(const std::string& name, std::int64_t& value, const std::string& help) {
  parser_->app.add_option(name, value, help);
  return *this;
}
Arguments& Arguments::option(const std::string& name, std::uint64_t& value, const std::string& help) {
  parser_->app.add_option(name, value, help);
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
Arguments& Arguments::positional(const std::string& name, std::vector<std::string>& values, const std::string& help) {
  parser_->app.add_option(name, values, help);
  return *this;
}

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
  } catch (const std::exception& error) {
    std::cerr << "Error: " << error.what() << '\n';
  }
  return 2;
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
