// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstring>
#include <type_traits>

#include "nash/io/file.hpp"
#include "nash/io/safetensors_header.hpp"

namespace nash {

/// An entry of a safetensors file.
template <class T = float>
struct NamedTensor {
  std::string name;
  Shape shape;
  std::vector<T> values;  ///< shape.count() of them, row-major
};

/// What a safetensors file holds: its tensors in the file's order, and its metadata.
template <class T = float>
struct Safetensors {
  std::vector<NamedTensor<T>> tensors;  ///< in the order of their values in the file, which is that of saving
  Metadata metadata;

  /// The tensor of that name, or null.
  const NamedTensor<T>* find(std::string_view name) const {
    const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& tensor) { return tensor.name == name; });
    return found == tensors.end() ? nullptr : &*found;
  }
};

/// Reads all tensors of a safetensors file as T. F32, F64, F16, BF16, I64, I32 and U8 are converted: to float, numbers
/// that it cannot hold are rounded. Throws DataError, before allocating for them, if anything in the file is not right.
template <std::floating_point T = float>
Safetensors<T> load_safetensors(const std::filesystem::path& path) {
  const std::string where = path.string();
  InputFile input(path);
  std::array<std::uint8_t, 8> length{};
  if (input.read(length) < 8)
    throw DataError(where, "a safetensors file of at least 8 bytes", concat({input.size()}),
                    "the file is cut short; write it again");
  const auto declared = std::bit_cast<std::uint64_t>(length);
  const index_t most = std::min(input.size() - 8, detail::safetensors_header_limit);
  if (declared > static_cast<std::uint64_t>(most))
    throw DataError(where, concat({"a header of at most ", most, " bytes at offset 0"}), concat({declared, " bytes"}),
                    "it is cut short or no safetensors file; write it again");
  const auto read_bytes = [&](index_t count) {
    Bytes bytes(static_cast<std::size_t>(count));
    if (input.read(bytes) < count) throw DataError(where, "became shorter while it was read", "try again");
    return bytes;
  };

  const auto header_size = static_cast<index_t>(declared);
  const Bytes text = read_bytes(header_size);
  detail::SafetensorsHeader header({reinterpret_cast<const char*>(text.data()), text.size()}, where,
                                   input.size() - 8 - header_size);
  Safetensors<T> file{.tensors = {}, .metadata = std::move(header.metadata)};
  for (detail::SafetensorsEntry& entry : header.entries) {
    const Bytes bytes = read_bytes(entry.end - entry.begin);  // the entries follow one another without a gap
    std::vector<T> values(static_cast<std::size_t>(entry.shape.count()));
    const std::uint8_t* from = bytes.data();
    detail::visit_dtype(entry.dtype, [&](auto source) {
      for (T& value : values) {
        std::memcpy(&source, from, sizeof source);
        from += sizeof source;
        value = static_cast<T>(source);
      }
    });
    file.tensors.push_back({.name = std::move(entry.name), .shape = entry.shape, .values = std::move(values)});
  }
  return file;
}

/// Writes the tensors in the order given, atomically; see write_file. Python's safetensors package reads the file.
///
/// Throws ShapeError if a tensor's values do not fill its shape, DataError for names that come twice, are not UTF-8 or are
/// "__metadata__", and if the file cannot be written.
template <std::floating_point T>
void save_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor<T>>& tensors,
                      const Metadata& metadata = {}) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "safetensors hold float and double");
  const auto check_text = [&](std::string_view text) {
    if (!is_utf8(text)) throw DataError(path.string(), "a name or metadata that are not UTF-8", "give them in UTF-8");
  };
  std::string header = "{";
  const auto append_key = [&](std::string_view key) {
    check_text(key);
    if (header.back() != '{') header += ',';
    append_json_string(header, key);
    header += ':';
  };
  if (!metadata.empty()) {
    append_key(detail::metadata_name);
    header += '{';
    for (const auto& [key, value] : metadata) {
      append_key(key);
      check_text(value);
      append_json_string(header, value);
    }
    header += '}';
  }
  std::set<std::string_view> names{detail::metadata_name};
  index_t offset = 0;
  for (const NamedTensor<T>& tensor : tensors) {
    if (!names.insert(tensor.name).second)
      throw DataError(path.string(), concat({"cannot hold two tensors named ", detail::printable(tensor.name)}),
                      "give each a name of its own, other than __metadata__");
    if (tensor.shape.count() != static_cast<index_t>(tensor.values.size()))
      throw ShapeError(concat({"save_safetensors (", tensor.name, ")"}),
                       concat({tensor.shape.count(), " values for ", tensor.shape}), concat({tensor.values.size()}),
                       "give one value an element");
    append_key(tensor.name);
    header += concat({"{\"dtype\":\"", sizeof(T) == 4 ? "F32" : "F64", "\",\"shape\":["});
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) header += concat({axis == 0 ? "" : ",", tensor.shape[axis]});
    const index_t begin = offset;
    offset += static_cast<index_t>(tensor.values.size() * sizeof(T));
    header += concat({"],\"data_offsets\":[", begin, ",", offset, "]}"});
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that the values begin at a multiple of 8

  const auto length = std::bit_cast<std::array<std::uint8_t, 8>>(std::uint64_t{header.size()});
  AtomicFile file(path);
  file.write(length);
  file.write(header);
  for (const NamedTensor<T>& tensor : tensors)
    file.write({reinterpret_cast<const std::uint8_t*>(tensor.values.data()), tensor.values.size() * sizeof(T)});
  file.commit();
}

}  // namespace nash
