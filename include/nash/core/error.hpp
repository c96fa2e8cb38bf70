// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "nash/core/platform.hpp"

namespace nash {

/// Sizes, offsets and positions; signed, so that differences are.
using index_t = std::int64_t;

/// One part of a text before it becomes characters: text that lives elsewhere, a number, or sizes, as 64×28×28×1.
class TextPart {
 public:
  TextPart(std::string_view text) : kind_(Kind::text), text_(text) {}
  TextPart(const char* text) : TextPart(std::string_view(text)) {}
  TextPart(const std::string& text) : TextPart(std::string_view(text)) {}
  TextPart(std::same_as<bool> auto value) : TextPart(value ? "true" : "false") {}
  TextPart(std::signed_integral auto number) : kind_(Kind::whole), whole_(number) {}
  TextPart(std::unsigned_integral auto number) requires(!std::same_as<decltype(number), bool>) : kind_(Kind::natural), natural_(number) {}
  TextPart(std::floating_point auto number) : kind_(Kind::real), real_(static_cast<double>(number)) {}
  TextPart(const index_t* extents, int count) : kind_(Kind::sizes), sizes_{extents, count} {}

  NASH_COLD void append_to(std::string& text) const {
    char digits[64];
    char* end = digits;
    switch (kind_) {
      case Kind::text: text += text_; break;
      case Kind::sizes:
        if (sizes_.count == 0) text += "scalar";
        for (int axis = 0; axis < sizes_.count; ++axis) {
          if (axis > 0) text += "×";
          TextPart(sizes_.extents[axis]).append_to(text);
        }
        break;
      case Kind::whole: end = std::to_chars(digits, digits + sizeof digits, whole_).ptr; break;
      case Kind::natural: end = std::to_chars(digits, digits + sizeof digits, natural_).ptr; break;
      case Kind::real: end = std::to_chars(digits, digits + sizeof digits, real_, std::chars_format::general, 6).ptr; break;
    }
    text.append(digits, end);
  }

 private:
  struct Sizes {
    const index_t* extents;
    int count;
  };
  enum class Kind { text, sizes, whole, natural, real } kind_;
  union {
    std::string_view text_;
    Sizes sizes_;
    std::int64_t whole_;
    std::uint64_t natural_;
    double real_;
  };
};

/// The parts one after the other, as text: concat({"got ", 3, " of ", shape}).
NASH_COLD inline std::string concat(std::initializer_list<TextPart> parts) {
  std::string text;
  for (const TextPart& part : parts) part.append_to(text);
  return text;
}

/// What every public entry of nash throws. The message says where, what was expected, what came, and what to do:
///
///     Conv2d (layer 0 of Discriminator): expected N×H×W×1 images, got 64×28×28×3.
///     Build Conv2d{3, …} or convert the images to grey.
class Error : public std::runtime_error {
 public:
  NASH_COLD Error(std::string_view where, std::string_view expected, std::string_view got, std::string_view remedy)
      : Error(where, concat({"expected ", expected, ", got ", got}), remedy) {}

  /// For what is not a mismatch of two things. Neither part ends with a full stop; the remedy may start in lower case.
  NASH_COLD Error(std::string_view where, std::string problem, std::string_view remedy)
      : std::runtime_error(""), where_(where), problem_(std::move(problem)), remedy_(remedy) {
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
