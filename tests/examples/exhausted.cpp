// SPDX-License-Identifier: Apache-2.0
//
// A program that throws what the standard library throws where memory is out, for the tests of example::Arguments.
#include <new>
#include <stdexcept>

#include "support/arguments.hpp"

int main(int argc, char** argv) {
  std::string what;
  example::Arguments arguments("Throws an exception.");
  arguments.option("--throw", what, "bad_alloc or length_error");
  return arguments.run(argc, argv, [&] {
    if (what == "bad_alloc") throw std::bad_alloc();
    if (what == "length_error") throw std::length_error("vector::reserve");
  });
}
