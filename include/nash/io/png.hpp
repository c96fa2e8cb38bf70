// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <png.h>

#include "nash/io/file.hpp"
#include "nash/io/image.hpp"

namespace nash {

// libpng's simplified interface keeps its longjmp to itself, so that no C++ destructor is ever jumped over.

namespace detail {

struct PngImage : png_image {
  PngImage() : png_image{} { version = PNG_IMAGE_VERSION; }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
  ~PngImage() { ::png_image_free(this); }
};

}  // namespace detail

/// The picture as the bytes of a PNG file (8 bits a channel, sRGB). Throws ShapeError if it is not a picture.
NASH_COLD inline Bytes encode_png(const Image& image) {
  check_image("encode_png", image);
  detail::PngImage png;
  constexpr index_t most = std::numeric_limits<std::int32_t>::max();
  if (static_cast<index_t>(image.pixels.size()) > most)
    throw ShapeError("encode_png", concat({"at most ", most, " bytes of pixels"}), concat({image.pixels.size()}),
                     "write a smaller picture");
  png.height = static_cast<png_uint_32>(image.height);
  png.width = static_cast<png_uint_32>(image.width);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  Bytes bytes(PNG_IMAGE_PNG_SIZE_MAX(png));
  png_alloc_size_t size = bytes.size();
  if (!::png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr))
    throw DataError("encode_png", concat({"libpng failed: ", png.message}), "free some memory");
  bytes.resize(size);
  return bytes;
}

/// Writes a PNG file atomically, creating its folder where it is missing. Throws DataError if that fails.
NASH_COLD inline void write_png(const std::filesystem::path& path, const Image& image) { write_file(path, encode_png(image)); }

/// The most bytes that a PNG file, and the pixels in it, may take when it is read, unless the caller says otherwise.
inline constexpr index_t png_size_limit = index_t{1} << 28;

/// Reads a PNG file: grey files give 1 channel, all others 3; 16 bits a channel become 8, and what is transparent is laid
/// over white. Throws DataError for anything but a well-formed file.
NASH_COLD inline Image read_png(const std::filesystem::path& path, index_t size_limit = png_size_limit) {
  const Bytes bytes = read_file(path, size_limit);
  constexpr std::string_view remedy = "convert it to PNG, or download or copy it again";
  detail::PngImage png;
  if (!::png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()))
    throw DataError(path.string(), concat({"is not a PNG file that can be read: ", png.message}), remedy);

  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // unless the file says otherwise, 16 bits mean the same as 8
  png.format = (png.format & PNG_FORMAT_FLAG_COLOR) != 0 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Image image{.height = png.height, .width = png.width, .channels = PNG_IMAGE_SAMPLE_CHANNELS(png.format), .pixels = {}};
  // Deflate makes at most 1032 bytes of one (RFC 1951, section 3.2.5), and with a bit a pixel each gives 8 pixels: whoever
  // declares more lies, and gets no memory for it. libpng itself refuses sides above a million.
  const index_t pixels = image.height * image.width;
  const index_t most_pixels = std::min(size_limit / image.channels, static_cast<index_t>(bytes.size()) * 1032 * 8);
  if (pixels > most_pixels)
    throw DataError(path.string(), concat({"at most ", most_pixels, " pixels in a file of ", bytes.size(), " bytes"}),
                    concat({image.height, "×", image.width}), "check that it is the file you mean");

  image.pixels.resize(static_cast<std::size_t>(pixels * image.channels));
  const png_color white{255, 255, 255};
  if (!::png_image_finish_read(&png, &white, image.pixels.data(), 0, nullptr))
    throw DataError(path.string(), concat({"is not a PNG file that can be read: ", png.message}), remedy);
  return image;
}

}  // namespace nash
