// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "nash/core/platform.hpp"

namespace nash {

/// Sizes, offsets and positions; signed, so that differences are.
using index_t = std::int64_t;

NASH_COLD inline void append_text(std::string& text, std::string_view part) { text += part; }

template <class Number>
  requires std::is_arithmetic_v<Number>
NASH_COLD void append_text(std::string& text, Number number) {
  char digits[64];
  if constexpr (std::is_same_v<Number, bool>) {
    text += number ? "true" : "false";
  } else if constexpr (std::is_floating_point_v<Number>) {
    const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<double>(number), std::chars_format::general, 6).ptr;
    text.append(digits, end);
  } else {
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    text.append(digits, end);
  }
}

/// The parts one after the other, as text: concat("got ", 3, " of ", shape).
template <class... Parts>
NASH_COLD std::string concat(const Parts&... parts) {
  std::string text;
  (append_text(text, parts), ...);
  return text;
}

/// What every public entry of nash throws. The message says where, what was expected, what came, and what to do:
///
///     Conv2d (layer 0 of Discriminator): expected N×H×W×1 images, got 64×28×28×3.
///     Build Conv2d{3, …} or convert the images to grey.
class Error : public std::runtime_error {
 public:
  NASH_COLD Error(std::string where, std::string_view expected, std::string_view got, std::string_view remedy)
      : Error(std::move(where), concat("expected ", expected, ", got ", got), remedy) {}

  /// For what is not a mismatch of two things. Neither part ends with a full stop; the remedy may start in lower case.
  NASH_COLD Error(std::string where, std::string problem, std::string_view remedy)
      : std::runtime_error(""), where_(std::move(where)), problem_(std::move(problem)), remedy_(remedy) {
    if (!remedy_.empty() && remedy_[0] >= 'a' && remedy_[0] <= 'z') remedy_[0] = static_cast<char>(remedy_[0] - 'a' + 'A');
    compose();
  }

  const char* what() const noexcept override { return message_.c_str(); }

  /// Composites call this while the error passes through them, innermost first: "layer 0", then "Discriminator".
  NASH_COLD void add_location(std::string_view location) {
    location_ += location_.empty() ? "" : " of ";
    location_ += location;
    compose();
  }

 private:
  NASH_COLD void compose() {
    message_ = where_;
    if (!location_.empty()) message_ += " (" + location_ + ")";
    message_ += ": " + problem_ + ".";
    if (!remedy_.empty()) message_ += "\n" + remedy_ + ".";
  }

  std::string where_, problem_, remedy_, location_, message_;
};

/// Sizes or options that do not fit together.
class ShapeError : public Error {
  using Error::Error;
};

/// Data from outside that is not what it should be, or a file that cannot be read or written.
class DataError : public Error {
  using Error::Error;
};

/// A device that is absent or failed.
class DeviceError : public Error {
  using Error::Error;
};

/// A loss or a gradient that is not finite.
class NumericError : public Error {
  using Error::Error;
};

}  // namespace nash
