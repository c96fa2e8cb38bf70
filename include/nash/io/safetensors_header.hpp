// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nash/core/shape.hpp"
#include "nash/io/json_text.hpp"

namespace nash {

// The safetensors format (https://github.com/huggingface/safetensors): eight bytes with the length of the header, lowest
// first; the header, JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...} with texts under
// "__metadata__"; then the values, lowest byte first, offsets counted from the header's end, no bytes unused.
static_assert(std::endian::native == std::endian::little, "safetensors are read and written on little-endian machines only");

/// Texts that a file carries along, by name.
using Metadata = std::map<std::string, std::string>;

namespace detail {

constexpr index_t safetensors_header_limit = 100'000'000;  // that of the Python package
constexpr std::string_view metadata_name = "__metadata__";

struct SafetensorsEntry {
  std::string name, dtype;
  Shape shape;
  index_t begin = 0, end = 0;
};

/// A text from a file as it may stand in a message: not too long, and nothing that moves a terminal's cursor.
inline std::string printable(std::string_view text) {
  constexpr std::size_t most = 64;
  std::string shown(text.substr(0, most));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return text.size() > most ? shown + "…" : shown;
}

/// Half-precision numbers (IEEE 754 binary16) and bfloat16, which is the upper half of a float.
struct Float16 {
  std::uint16_t bits;
  operator double() const {
    const int exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
    const double size = exponent == 0   ? std::ldexp(fraction, -24)
                        : exponent < 31 ? std::ldexp(fraction + 1024, exponent - 25)
                        : fraction == 0 ? std::numeric_limits<double>::infinity()
                                        : std::numeric_limits<double>::quiet_NaN();
    return std::copysign(size, (bits & 0x8000) != 0 ? -1.0 : 1.0);
  }
};
struct BFloat16 {
  std::uint16_t bits;
  operator double() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

/// Calls visit(Source{}) for the type that a dtype stands for; false for one that nash does not read.
template <class Visit>
bool visit_dtype(std::string_view dtype, Visit&& visit) {
  if (dtype == "F32")
    visit(float{});
  else if (dtype == "F64")
    visit(double{});
  else if (dtype == "F16")
    visit(Float16{});
  else if (dtype == "BF16")
    visit(BFloat16{});
  else if (dtype == "I64")
    visit(std::int64_t{});
  else if (dtype == "I32")
    visit(std::int32_t{});
  else if (dtype == "U8")
    visit(std::uint8_t{});
  else
    return false;
  return true;
}

inline Shape make_shape(const std::vector<index_t>& e) {
  // clang-format off
  switch (e.size()) {
    case 0: return {};
    case 1: return {e[0]};
    case 2: return {e[0], e[1]};
    case 3: return {e[0], e[1], e[2]};
    default: return {e[0], e[1], e[2], e[3]};
  }
  // clang-format on
}

class SafetensorsHeader {
 public:
  /// Reads the header of a file whose values take `data_size` bytes, and checks that all fits together.
  SafetensorsHeader(std::string_view text, const std::string& where, index_t data_size)
      : where_(where), data_size_(data_size), json_(text, where, 8) {
    if (!is_utf8(text)) fail("the header is not UTF-8");
    std::set<std::string> names;
    json_.read_object([&](const std::string& name) {
      if (!names.insert(name).second) fail(concat({"the name ", printable(name), " comes twice"}));
      if (name == metadata_name)
        json_.read_object([&](const std::string& key) {
          if (!metadata.emplace(key, json_.read_string()).second) fail(concat({"the metadata ", printable(key), " come twice"}));
        });
      else
        entries.push_back(read_entry(name));
    });
    json_.expect_end();
    check_offsets();
  }

  std::vector<SafetensorsEntry> entries;  // in the order of their values
  Metadata metadata;

 private:
  SafetensorsEntry read_entry(const std::string& name) {
    SafetensorsEntry entry{.name = name, .dtype = {}, .shape = {}};
    const std::string tensor = "tensor " + printable(name);
    std::vector<index_t> extents, offsets;
    std::set<std::string> keys;
    json_.read_object([&](const std::string& key) {
      if (!keys.insert(key).second) fail(concat({tensor, " has its ", printable(key), " twice"}));
      if (key == "dtype")
        entry.dtype = json_.read_string();
      else if (key == "shape")
        read_numbers(extents, Shape::max_rank, concat({"the shape of ", tensor, " has more than 4 dimensions"}));
      else if (key == "data_offsets")
        read_numbers(offsets, 2, concat({tensor, " has more than two offsets"}));
      else
        fail(concat({tensor, " has an unknown entry ", printable(key)}));
    });
    if (keys.size() != 3 || offsets.size() != 2) fail(concat({tensor, " lacks dtype, shape or two data_offsets"}));

    index_t size = 0;
    if (!visit_dtype(entry.dtype, [&](auto source) { size = sizeof source; }))
      throw DataError(where_, concat({"F32, F64, F16, BF16, I64, I32 or U8 in ", tensor}), printable(entry.dtype),
                      "convert it before saving");
    // Even the sizes of a tensor without elements must not overflow.
    const bool is_empty = std::find(extents.begin(), extents.end(), 0) != extents.end();
    const index_t most = is_empty ? std::numeric_limits<index_t>::max() : data_size_;
    for (const index_t extent : extents) {
      if (extent > 0 && size > most / extent) fail(concat({tensor, " is larger than the file"}));
      size *= std::max<index_t>(extent, 1);
    }
    if (is_empty) size = 0;
    entry.shape = make_shape(extents);
    entry.begin = offsets[0];
    entry.end = offsets[1];
    if (entry.begin > entry.end || entry.end > data_size_)
      fail(concat({tensor, " has the offsets ", entry.begin, " to ", entry.end, " in ", data_size_, " bytes of values"}));
    if (entry.end - entry.begin != size)
      fail(concat({tensor, " of shape ", entry.shape, " and type ", entry.dtype, " needs ", size, " bytes and has ",
                  entry.end - entry.begin}));
    return entry;
  }

  void read_numbers(std::vector<index_t>& numbers, std::size_t most, const std::string& too_many) {
    json_.read_array([&] {
      if (numbers.size() == most) fail(too_many);
      numbers.push_back(json_.read_count());
    });
  }

  void check_offsets() {
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto& a, const auto& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    index_t position = 0;
    for (const SafetensorsEntry& entry : entries) {
      if (entry.begin < position)
        fail(concat({"tensor ", printable(entry.name), " overlaps the one before it, at offset ", entry.begin}));
      if (entry.begin > position) fail(concat({"nothing uses the values from offset ", position, " to ", entry.begin}));
      position = entry.end;
    }
    if (position != data_size_) fail(concat({"nothing uses the values from offset ", position, " to ", data_size_}));
  }

  [[noreturn]] void fail(std::string problem) const {
    throw DataError(where_, std::move(problem), "the file is damaged or was written wrongly; write it again");
  }

  std::string where_;
  index_t data_size_;
  JsonReader json_;
};

}  // namespace detail

}  // namespace nash
