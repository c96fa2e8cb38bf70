// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <typeinfo>

#include "nash/core/platform.hpp"

namespace nash {

/// A type's name as it is written in a program, "nash::Adam": for files and messages.
NASH_COLD inline std::string type_name(const std::type_info& type) {
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr), std::free);
  return text == nullptr ? type.name() : text.get();
}

}  // namespace nash
