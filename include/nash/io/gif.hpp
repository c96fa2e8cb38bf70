// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gif_lib.h>

#include <array>
#include <memory>
#include <span>

#include "nash/io/file.hpp"
#include "nash/io/image.hpp"

namespace nash {

/// Of write_gif.
struct GifOptions {
  int delay = 20;       ///< hundredths of a second that a picture stays, from 0 to 65535
  int last_delay = -1;  ///< the same for the last picture; -1 takes the delay of the others
  index_t enlarge = 1;  ///< every pixel is repeated so often in both directions
  bool endless = true;  ///< starts again after the last picture
};

namespace detail {

constexpr int gif_levels[3] = {6, 7, 6};  // of red, green and blue: the eye sees green best, and 6·7·6 is just below 256

/// 256 greys, or 6 × 7 × 6 colours.
inline std::array<GifColorType, 256> gif_palette(index_t channels) {
  std::array<GifColorType, 256> palette{};
  for (int i = 0; i < 256; ++i) {
    const auto level = [](int channel, int index) {
      return static_cast<GifByteType>((index * 255 + (gif_levels[channel] - 1) / 2) / (gif_levels[channel] - 1));
    };
    const auto grey = static_cast<GifByteType>(i);
    const bool used = i < gif_levels[0] * gif_levels[1] * gif_levels[2];
    palette[static_cast<std::size_t>(i)] = channels == 1 ? GifColorType{grey, grey, grey}
                                           : used        ? GifColorType{level(0, i / 42), level(1, i / 6 % 7), level(2, i % 6)}
                                                         : GifColorType{0, 0, 0};
  }
  return palette;
}

/// The palette's index of a colour, dithered by the 4×4 matrix of Bayer (ICC 1973), which looks the same in every frame.
inline GifByteType gif_colour(const std::uint8_t* pixel, index_t row, index_t column) {
  constexpr int bayer[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
  const int threshold = 2 * bayer[row % 4][column % 4] + 1;  // in 32nds
  int index = 0;
  for (int channel = 0; channel < 3; ++channel) {
    const int levels = gif_levels[channel];
    index = index * levels + (pixel[channel] * (levels - 1) * 32 + threshold * 255) / (255 * 32);
  }
  return static_cast<GifByteType>(index);
}

/// Called by giflib, through which no exception may pass.
inline int append_gif_bytes(GifFileType* gif, const GifByteType* bytes, int count) {
  try {
    auto& file = *static_cast<Bytes*>(gif->UserData);
    file.insert(file.end(), bytes, bytes + count);
    return count;
  } catch (...) {
    return 0;
  }
}

class GifEncoder {
 public:
  GifEncoder(index_t height, index_t width, index_t channels) : gif_(::EGifOpen(&bytes_, append_gif_bytes, &error_)) {
    if (gif_ == nullptr) fail();
    const auto palette = gif_palette(channels);
    const std::unique_ptr<ColorMapObject, void (*)(ColorMapObject*)> map(::GifMakeMapObject(256, palette.data()),
                                                                         ::GifFreeMapObject);
    ::EGifSetGifVersion(gif_.get(), true);  // GIF89a, the one with animations
    check(map != nullptr &&
          ::EGifPutScreenDesc(gif_.get(), static_cast<int>(width), static_cast<int>(height), 8, 0, map.get()));
  }

  /// The extension that Netscape invented and that every program reads: repeat from the beginning, without end.
  void repeat_endlessly() {
    constexpr GifByteType parameters[3] = {1, 0, 0};
    check(::EGifPutExtensionLeader(gif_.get(), APPLICATION_EXT_FUNC_CODE));
    check(::EGifPutExtensionBlock(gif_.get(), 11, "NETSCAPE2.0"));
    check(::EGifPutExtensionBlock(gif_.get(), 3, parameters));
    check(::EGifPutExtensionTrailer(gif_.get()));
  }

  void add(const Image& image, int delay) {
    const GraphicsControlBlock control{DISPOSE_DO_NOT, false, delay, NO_TRANSPARENT_COLOR};
    GifByteType extension[4];
    check(::EGifPutExtension(gif_.get(), GRAPHICS_EXT_FUNC_CODE, static_cast<int>(::EGifGCBToExtension(&control, extension)),
                             extension));
    const auto width = static_cast<int>(image.width);
    check(::EGifPutImageDesc(gif_.get(), 0, 0, width, static_cast<int>(image.height), false, nullptr));
    std::vector<GifByteType> line(static_cast<std::size_t>(image.width));
    const std::uint8_t* pixel = image.pixels.data();
    for (index_t h = 0; h < image.height; ++h) {
      for (index_t w = 0; w < image.width; ++w, pixel += image.channels)
        line[static_cast<std::size_t>(w)] = image.channels == 1 ? *pixel : gif_colour(pixel, h, w);
      check(::EGifPutLine(gif_.get(), line.data(), width));
    }
  }

  Bytes finish() {
    if (::EGifCloseFile(gif_.release(), &error_) == GIF_ERROR) fail();
    return std::move(bytes_);
  }

 private:
  struct Close {
    void operator()(GifFileType* gif) const { ::EGifCloseFile(gif, nullptr); }
  };

  void check(int status) {
    if (status == GIF_OK) return;
    error_ = gif_->Error;
    fail();
  }
  [[noreturn]] void fail() const {
    const char* reason = ::GifErrorString(error_);
    throw DataError("encode_gif", concat({"giflib failed: ", reason != nullptr ? reason : "no reason given"}),
                    "free some memory");
  }

  Bytes bytes_;
  int error_ = 0;
  std::unique_ptr<GifFileType, Close> gif_;
};

}  // namespace detail

/// The pictures, which must agree in size and channels, as the bytes of an animated GIF file. Grey ones keep their 256
/// values; colour is dithered to 6 × 7 × 6 levels. Throws ShapeError if they are no pictures of one size below 65536.
inline Bytes encode_gif(std::span<const Image> pictures, const GifOptions& options = {}) {
  if (pictures.empty()) throw ShapeError("encode_gif", "at least one picture", "none", "add pictures before writing");
  for (const int delay : {options.delay, std::max(options.last_delay, 0)})
    if (delay < 0 || delay > 0xFFFF)
      throw ShapeError("encode_gif", "a delay from 0 to 65535 hundredths of a second", concat({delay}),
                       "use 20 for five pictures a second");
  const Image& first = pictures.front();
  for (const Image& picture : pictures) {
    check_image("encode_gif", picture);
    if (picture.height != first.height || picture.width != first.width || picture.channels != first.channels)
      throw ShapeError("encode_gif",
                       concat({"pictures of ", first.height, "×", first.width, "×", first.channels, ", as the first one"}),
                       concat({picture.height, "×", picture.width, "×", picture.channels}), "make all of one size");
  }
  if (options.enlarge < 1 || options.enlarge > 0xFFFF / std::max(first.height, first.width))
    throw ShapeError("encode_gif", "a picture of at most 65535×65535 pixels",
                     concat({first.height, "×", first.width, " enlarged ", options.enlarge, " times"}),
                     "use a smaller factor, from 1 on");

  detail::GifEncoder gif(first.height * options.enlarge, first.width * options.enlarge, first.channels);
  if (options.endless) gif.repeat_endlessly();
  for (const Image& picture : pictures) {
    const bool is_last = &picture == &pictures.back();
    gif.add(enlarge(picture, options.enlarge), is_last && options.last_delay >= 0 ? options.last_delay : options.delay);
  }
  return gif.finish();
}

/// Writes an animated GIF file atomically, creating its folder where it is missing. Throws as encode_gif does, and
/// DataError if the file cannot be written.
inline void write_gif(const std::filesystem::path& path, std::span<const Image> pictures, const GifOptions& options = {}) {
  write_file(path, encode_gif(pictures, options));
}

}  // namespace nash
