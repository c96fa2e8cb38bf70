// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "nash/core/error.hpp"

namespace nash {

// Just enough JSON (RFC 8259) for the header of a safetensors file, which knows its shape beforehand. A general parser
// costs every file that includes it seconds to compile, and keeps quiet about names that come twice.

/// Reads JSON from left to right: the caller says what must come next. Throws DataError where something else does.
class JsonReader {
 public:
  /// `where` and `first_offset` are for messages: the name of the file and the place of the text in it.
  JsonReader(std::string_view text, std::string where, index_t first_offset)
      : text_(text), where_(std::move(where)), first_offset_(first_offset) {}

  /// Whether the next character is this one; if so, it is taken.
  bool take(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) fail(concat({"'", std::string_view(&wanted, 1), "'"}));
  }

  void expect_end() {
    skip_space();
    if (at_ != text_.size()) fail("the end of the JSON text");
  }

  /// Calls visit(key) for each key of an object, which then reads the value.
  template <class Visit>
  void read_object(Visit&& visit) {
    expect('{');
    if (take('}')) return;
    do {
      const std::string key = read_string();
      expect(':');
      visit(key);
    } while (take(','));
    expect('}');
  }

  /// Calls visit() for each element of an array, which then reads it.
  template <class Visit>
  void read_array(Visit&& visit) {
    expect('[');
    if (take(']')) return;
    do {
      visit();
    } while (take(','));
    expect(']');
  }

  /// A whole number from 0 to 2⁶³ - 1.
  index_t read_count() {
    skip_space();
    const std::size_t start = at_;
    index_t number = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const index_t digit = text_[at_] - '0';
      if (number > (std::numeric_limits<index_t>::max() - digit) / 10) fail("a number below 2^63");
      number = 10 * number + digit;
    }
    const bool has_leading_zero = at_ > start + 1 && text_[start] == '0';
    const bool goes_on = at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E');
    if (at_ == start || has_leading_zero || goes_on) fail("a whole number of at least 0");
    return number;
  }

  std::string read_string() {
    skip_space();
    if (at_ == text_.size() || text_[at_] != '"') fail("a text in quotes");
    ++at_;
    std::string value;
    for (;;) {
      if (at_ == text_.size()) fail("the closing quote of a text");
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) fail("no control character in a text");
      ++at_;
      if (c == '"') return value;
      if (c == '\\')
        read_escape(value);
      else
        value += c;
    }
  }

  [[noreturn]] void fail(std::string_view expected) const {
    const std::string got =
        at_ == text_.size() ? "the end of the text" : concat({"byte ", int{static_cast<unsigned char>(text_[at_])}});
    throw DataError(where_, concat({expected, " at offset ", first_offset_ + static_cast<index_t>(at_)}), got,
                    "the file is damaged or of another format; write it again");
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
  }

  void read_escape(std::string& value) {
    constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const char name = at_ < text_.size() ? text_[at_] : '\0';
    if (name == 'u') {
      ++at_;
      append_utf8(value, read_code_point());
    } else if (const auto which = names.find(name); name != '\0' && which != std::string_view::npos) {
      ++at_;
      value += meanings[which];
    } else {
      fail("an escape of JSON");
    }
  }

  /// After "\u": four hexadecimal digits or, beyond the 16-bit plane, a pair of surrogates.
  std::uint32_t read_code_point() {
    const std::uint32_t high = read_hex4();
    if (high < 0xD800 || high > 0xDFFF) return high;
    if (high > 0xDBFF || text_.substr(at_, 2) != "\\u") fail("a pair of surrogates");
    at_ += 2;
    const std::uint32_t low = read_hex4();
    if (low < 0xDC00 || low > 0xDFFF) fail("a pair of surrogates");
    return 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00));
  }

  std::uint32_t read_hex4() {
    std::uint32_t number = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : ' ';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("four hexadecimal digits");
      number = number << 4 | static_cast<std::uint32_t>(digit);
    }
    return number;
  }

  static void append_utf8(std::string& value, std::uint32_t code) {
    const int following = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr std::uint32_t lead[4] = {0, 0xC0, 0xE0, 0xF0};
    value += static_cast<char>(lead[following] | code >> (6 * following));
    for (int i = following - 1; i >= 0; --i) value += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
  }

  std::string_view text_;
  std::string where_;
  index_t first_offset_;
  std::size_t at_ = 0;
};

/// Whether the text is well-formed UTF-8 (RFC 3629): nothing overlong, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i), second = byte(i + 1);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F))
      return false;
    i += length;
  }
  return true;
}

/// Appends the text in quotes, escaped as JSON wants it. requires  is_utf8(value)
inline void append_json_string(std::string& json, std::string_view value) {
  constexpr std::string_view hex = "0123456789abcdef";
  json += '"';
  for (const char c : value) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (code < 0x20) {
      json += "\\u00";
      json += hex[code >> 4];
      json += hex[code & 0xF];
    } else {
      json += c;
    }
  }
  json += '"';
}

}  // namespace nash
