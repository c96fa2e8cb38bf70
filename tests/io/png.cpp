// SPDX-License-Identifier: Apache-2.0
#include "nash/io/png.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <array>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

Image gradient(index_t height, index_t width, index_t channels) {
  Image image{.height = height, .width = width, .channels = channels, .pixels = {}};
  for (index_t i = 0; i < height * width * channels; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * 7 + i / 256));
  return image;
}

void append_big_endian(Bytes& bytes, std::uint64_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
}

void append_chunk(Bytes& png, std::string_view type, const Bytes& content) {
  append_big_endian(png, content.size());
  const std::size_t start = png.size();
  png.insert(png.end(), type.begin(), type.end());
  png.insert(png.end(), content.begin(), content.end());
  append_big_endian(png, ::crc32(0, png.data() + start, static_cast<uInt>(png.size() - start)));
}

/// A PNG file of any bit depth and colour type (PNG specification, section 11.2.1) with these filtered rows.
Bytes make_png(std::uint32_t height, std::uint32_t width, std::uint8_t depth, std::uint8_t colour_type, const Bytes& rows,
               const Bytes& palette = {}) {
  Bytes png{137, 'P', 'N', 'G', 13, 10, 26, 10}, header;
  append_big_endian(header, width);
  append_big_endian(header, height);
  for (const int byte : {int{depth}, int{colour_type}, 0, 0, 0}) header.push_back(static_cast<std::uint8_t>(byte));
  append_chunk(png, "IHDR", header);
  if (!palette.empty()) append_chunk(png, "PLTE", palette);
  Bytes compressed(::compressBound(static_cast<uLong>(rows.size())));
  uLongf size = static_cast<uLongf>(compressed.size());
  REQUIRE(::compress(compressed.data(), &size, rows.data(), static_cast<uLong>(rows.size())) == Z_OK);
  compressed.resize(size);
  append_chunk(png, "IDAT", compressed);
  append_chunk(png, "IEND", {});
  return png;
}

constexpr std::uint8_t grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgb_alpha = 6;

struct PngFile : TemporaryFolder {
  std::filesystem::path file = *this / "picture.png";

  Image read(const Bytes& bytes) const {
    write_file(file, bytes);
    return read_png(file);
  }
  std::string message(const Bytes& bytes) const {
    const std::string message = message_of([&] { read(bytes); });
    CHECK(message.starts_with(file.string() + ": "));
    return message.substr(std::min(message.size(), file.string().size() + 2));
  }
};

}  // namespace

TEST_CASE("PNG: what is written is what is read, grey and colour, odd sizes") {
  const PngFile folder;
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 301}, {17, 3}, {242, 242}})
    for (const index_t channels : {1, 3}) {
      const Image image = gradient(height, width, channels);
      write_png(folder.file, image);
      CHECK(read_png(folder.file) == image);
    }
}

TEST_CASE("PNG: other kinds of file become grey or colour") {
  const PngFile folder;
  using Pixels = std::vector<std::uint8_t>;
  const Image one_bit = folder.read(make_png(2, 3, 1, grey, {0, 0b10100000, 0, 0b01000000}));
  CHECK(one_bit.channels == 1);
  CHECK(one_bit.pixels == Pixels{255, 0, 255, 0, 255, 0});
  CHECK(folder.read(make_png(1, 2, 16, grey, {0, 0x80, 0x80, 0xFF, 0xFF})).pixels == Pixels{128, 255});
  CHECK(folder.read(make_png(1, 2, 8, palette, {0, 1, 0}, {10, 20, 30, 40, 50, 60})).pixels == Pixels{40, 50, 60, 10, 20, 30});
  // What is transparent shows the white behind it.
  CHECK(folder.read(make_png(1, 2, 8, grey_alpha, {0, 9, 0, 9, 255})).pixels == Pixels{255, 9});
  CHECK(folder.read(make_png(1, 2, 8, rgb_alpha, {0, 1, 2, 3, 0, 1, 2, 3, 255})).pixels == Pixels{255, 255, 255, 1, 2, 3});
}

TEST_CASE("PNG: damaged files") {
  const PngFile folder;
  const Bytes whole = encode_png(gradient(9, 7, 3));
  const std::string problem = "is not a PNG file that can be read: ";
  for (std::size_t size = 0; size + 12 < whole.size(); ++size) {  // without the last chunk, IEND, the pixels are all there
    CAPTURE(size);
    CHECK(folder.message(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))).starts_with(problem));
  }
  CHECK(folder.message({'G', 'I', 'F', '8', '9', 'a', 0, 0, 0, 0}) ==
        problem + "Not a PNG file.\nConvert it to PNG, or download or copy it again.");
  CHECK(folder.message(make_png(2, 2, 8, grey, {0, 1, 2, 0, 1})).starts_with(problem));  // too few rows
  CHECK(folder.message(make_png(1, 1, 8, palette, {0, 0})).starts_with(problem));        // no palette
  CHECK(folder.message(make_png(0, 1, 8, grey, {0})).starts_with(problem));
  CHECK(folder.message(make_png(0xFFFFFFFF, 0xFFFFFFFF, 8, rgb, {0})).starts_with(problem));
  CHECK(folder.message(make_png(1, 1, 3, grey, {0, 0})).starts_with(problem));  // no such bit depth
  // Any one byte changed: an error or a picture of the right size, never a crash.
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes changed = whole;
    changed[i] ^= 0x55;
    write_file(folder.file, changed);
    try {
      check_image("changed", read_png(folder.file));
    } catch (const DataError&) {
    }
  }
}

TEST_CASE("PNG: sizes that the file cannot hold are refused before memory is asked for") {
  const PngFile folder;
  const Bytes small = make_png(16000, 16000, 8, rgb, {0});
  CHECK(folder.message(small) == concat({"expected at most ", small.size() * 1032 * 8, " pixels in a file of ", small.size(),
                                        " bytes, got 16000×16000.\nCheck that it is the file you mean."}));
  write_file(folder.file, make_png(100, 100, 8, grey, Bytes(10100)));
  CHECK(message_of([&] { read_png(folder.file, 9999); }).find("expected at most 9999 pixels in a file of") !=
        std::string::npos);
  CHECK(message_of([&] { read_png(folder.file, 10); }).find("expected at most 10 bytes, got ") != std::string::npos);
  CHECK(read_png(folder.file, 10000).height == 100);
}

TEST_CASE("PNG: what is no picture is not written") {
  const PngFile folder;
  CHECK(message_of<ShapeError>([&] {
          write_png(folder.file, {.height = 2, .width = 2, .channels = 1, .pixels = {1}});
        }).starts_with("encode_png: expected one byte a pixel and channel, got 2×2×1 with 1 bytes."));
  CHECK_FALSE(std::filesystem::exists(folder.file));
  CHECK(message_of([] {
          write_png("/proc/version/x.png", gradient(1, 1, 1));
        }).find("cannot create its folder /proc/version") != std::string::npos);
}
