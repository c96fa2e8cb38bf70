// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <type_traits>

#include "nash/core/error.hpp"

/// What the error of exactly this type says that the call throws; "" if it throws none, and others pass through.
template <class Error = nash::DataError, class Call>
std::string message_of(Call&& call) {
  static_assert(std::is_base_of_v<nash::Error, Error>);
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
