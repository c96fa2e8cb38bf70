// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "nash/core/shape.hpp"
#include "nash/io/gzip.hpp"

namespace nash {

// The IDX format of the MNIST database: two zero bytes, one for the type of the elements (8: unsigned bytes), one for the
// number of dimensions, each dimension as four bytes with the highest first, then the elements in row-major order.

/// Grey images of one size, N×H×W, a byte a pixel, from 0 (black) to 255.
struct IdxImages {
  index_t count = 0, height = 0, width = 0;
  Bytes pixels;
};

/// The most bytes that an IDX file may hold when it is read, unless the caller says otherwise.
inline constexpr index_t idx_size_limit = index_t{1} << 32;

namespace detail {

constexpr std::uint8_t idx_unsigned_bytes = 8;

struct IdxKind {
  std::size_t rank;
  std::string_view what, rank_text, file_ending;
};
constexpr IdxKind idx_images{3, "images", "3 dimensions", "-images-idx3-ubyte"};
constexpr IdxKind idx_labels{1, "labels", "1 dimension", "-labels-idx1-ubyte"};

NASH_COLD inline std::string idx_type_name(int type) {
  switch (type) {
    case 0x08:
      return "unsigned bytes";
    case 0x09:
      return "signed bytes";
    case 0x0B:
      return "16-bit integers";
    case 0x0C:
      return "32-bit integers";
    case 0x0D:
      return "32-bit floats";
    case 0x0E:
      return "64-bit floats";
    default:
      return concat({"elements of unknown type ", type});
  }
}

/// Checks the first four bytes of a file that should hold images or labels.
NASH_COLD inline void check_idx_magic(GzipFile& file, const IdxKind& kind) {
  std::uint8_t magic[4] = {};
  const index_t got = file.read(magic);
  std::string found;
  std::string remedy =
      concat({"give the file of ", kind.what, ", whose name usually ends in ", kind.file_ending, " or that and .gz"});
  if (got < 4) {
    found = got == 0 ? "an empty file" : concat({"a file of ", got, " bytes"});
    remedy = "download or copy the file again";
  } else if (magic[0] != 0 || magic[1] != 0) {
    found = concat({"the bytes ", int{magic[0]}, " ", int{magic[1]}, " ", int{magic[2]}, " ", int{magic[3]},
                   ", which are no IDX header"});
  } else if (magic[2] != idx_unsigned_bytes) {
    found = idx_type_name(magic[2]);
    remedy = "convert them to unsigned bytes from 0 to 255";
  } else if (magic[3] != kind.rank) {
    const IdxKind other = magic[3] == 3 ? idx_images : magic[3] == 1 ? idx_labels : IdxKind{0, "something else", "", ""};
    found = concat({int{magic[3]}, magic[3] == 1 ? " dimension" : " dimensions", ": a file of ", other.what});
  } else {
    return;
  }
  throw DataError(file.name(), concat({"an IDX file of ", kind.what, " (unsigned bytes in ", kind.rank_text, ") at offset 0"}),
                  found, remedy);
}

/// Reads a whole IDX file of unsigned bytes; sets its extents, one a dimension.
NASH_COLD inline Bytes read_idx(const std::filesystem::path& path, index_t size_limit, const IdxKind& kind,
                                std::span<index_t> extents) {
  const index_t header_size = 4 + 4 * static_cast<index_t>(kind.rank);
  GzipFile file(path);
  check_idx_magic(file, kind);

  std::array<std::uint8_t, 4 * 3> header{};
  if (const index_t got = file.read(std::span(header).first(4 * kind.rank)); got < header_size - 4)
    throw DataError(file.name(), concat({"a header of ", header_size, " bytes"}), concat({4 + got, " bytes in all"}),
                    "the file is cut short; download or copy it again");
  std::string sizes;
  bool has_zero = false;
  for (std::size_t axis = 0; axis < kind.rank; ++axis) {
    extents[axis] = 0;
    for (std::size_t byte = 0; byte < 4; ++byte) extents[axis] = extents[axis] << 8 | header[4 * axis + byte];
    has_zero = has_zero || extents[axis] == 0;
    sizes += concat({axis == 0 ? "" : "×", extents[axis]});
  }
  if (has_zero)
    throw DataError(file.name(), concat({"at least one of the ", kind.what, ", none without pixels, at offset 4"}), sizes,
                    "check how the file was made");

  index_t count = 1;
  bool too_many = false;
  for (const index_t extent : extents) {
    too_many = too_many || extent > size_limit / count;
    if (!too_many) count *= extent;
  }
  if (too_many)
    throw DataError(file.name(), concat({"at most ", size_limit, " bytes of ", kind.what}), concat({sizes, " at offset 4"}),
                    "check that it is the file you mean, or raise the limit");

  const auto cut_short = [&](std::string_view qualifier, index_t got) {
    return DataError(file.name(), concat({count, " bytes of ", kind.what, " (", sizes, ") from offset ", header_size}),
                     concat({qualifier, got}), "the file is cut short or its header is wrong; download or copy it again");
  };
  const index_t most = std::max<index_t>(file.most_bytes() - header_size, 0);
  if (count > most) throw cut_short(file.compressed() ? "at most " : "", most);
  Bytes bytes = file.read_up_to(count);
  if (const auto got = static_cast<index_t>(bytes.size()); got < count) throw cut_short("", got);
  const std::string end = file.position();
  if (!file.at_end())
    throw DataError(file.name(), concat({"the end of the file at ", end, ", after ", sizes, " bytes of ", kind.what}),
                    "more bytes", "the header is wrong or something was added; download or copy the file again");
  return bytes;
}

NASH_COLD inline void append_big_endian(Bytes& bytes, index_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
}

}  // namespace detail

/// Reads images, plain or compressed by gzip. Throws DataError for anything but a whole, well-formed file.
NASH_COLD inline IdxImages read_idx_images(const std::filesystem::path& path, index_t size_limit = idx_size_limit) {
  std::array<index_t, 3> extents{};
  Bytes pixels = detail::read_idx(path, size_limit, detail::idx_images, extents);
  return {.count = extents[0], .height = extents[1], .width = extents[2], .pixels = std::move(pixels)};
}

/// Reads labels, plain or compressed by gzip. Throws DataError for anything but a whole, well-formed file.
NASH_COLD inline Bytes read_idx_labels(const std::filesystem::path& path, index_t size_limit = idx_size_limit) {
  index_t count = 0;
  return detail::read_idx(path, size_limit, detail::idx_labels, {&count, 1});
}

/// Writes images, uncompressed. Throws ShapeError if there is not one byte a pixel, DataError if writing fails.
NASH_COLD inline void write_idx_images(const std::filesystem::path& path, const IdxImages& images) {
  for (const index_t extent : {images.count, images.height, images.width})
    if (extent < 1 || extent > 0xFFFFFFFF)
      throw ShapeError("write_idx_images", "sizes from 1 to 4294967295", concat({extent}), "write at least one image");
  const Shape shape{images.count, images.height, images.width};
  if (shape.count() != static_cast<index_t>(images.pixels.size()))
    throw ShapeError("write_idx_images", concat({shape.count(), " pixels for ", shape}), concat({images.pixels.size()}),
                     "give one byte a pixel");
  Bytes bytes{0, 0, detail::idx_unsigned_bytes, 3};
  for (const index_t extent : {images.count, images.height, images.width}) detail::append_big_endian(bytes, extent);
  bytes.insert(bytes.end(), images.pixels.begin(), images.pixels.end());
  write_file(path, bytes);
}

/// Writes labels, uncompressed. Throws ShapeError if there are none, DataError if writing fails.
NASH_COLD inline void write_idx_labels(const std::filesystem::path& path, std::span<const std::uint8_t> labels) {
  if (labels.empty()) throw ShapeError("write_idx_labels", "at least one label", "none", "give one label an image");
  Bytes bytes{0, 0, detail::idx_unsigned_bytes, 1};
  detail::append_big_endian(bytes, static_cast<index_t>(labels.size()));
  bytes.insert(bytes.end(), labels.begin(), labels.end());
  write_file(path, bytes);
}

}  // namespace nash
