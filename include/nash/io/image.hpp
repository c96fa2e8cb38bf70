// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "nash/tensor/tensor.hpp"

namespace nash {

/// A picture, H×W×C: a byte a channel, from 0 (black) to 255; grey with 1 channel, red, green and blue with 3.
struct Image {
  index_t height = 0, width = 0, channels = 1;
  std::vector<std::uint8_t> pixels;

  bool operator==(const Image&) const = default;
};

/// Throws ShapeError, in the name of `where`, unless the picture has pixels, 1 or 3 channels and one byte for each.
NASH_COLD inline void check_image(std::string_view where, const Image& image) {
  const auto text = [&] {
    return concat({image.height, "×", image.width, "×", image.channels, " with ", image.pixels.size(), " bytes"});
  };
  if (image.height < 1 || image.width < 1 || (image.channels != 1 && image.channels != 3))
    throw ShapeError(std::string(where), "a picture of at least 1×1 pixels with 1 or 3 channels", text(),
                     "give grey or red, green and blue pixels");
  if (Shape{image.height, image.width, image.channels}.count() != static_cast<index_t>(image.pixels.size()))
    throw ShapeError(std::string(where), "one byte a pixel and channel", text(), "check the sizes of the picture");
}

/// The byte for a value of [low, high]: rounded to nearest, clamped outside, 0 for NaN.
template <class T>
std::uint8_t to_pixel(T value, double low = -1, double high = 1) {
  const double scaled = (static_cast<double>(value) - low) * (255.0 / (high - low));
  return scaled >= 255.0 ? std::uint8_t{255} : scaled > 0.0 ? static_cast<std::uint8_t>(scaled + 0.5) : std::uint8_t{0};
}

/// How image_grid lays samples out and what it takes for black and white.
struct GridOptions {
  index_t columns = 0;          ///< images side by side; 0 takes the squarest grid
  index_t padding = 2;          ///< pixels between the images and around them
  std::uint8_t background = 0;  ///< what the padding and missing images are filled with
  double low = -1, high = 1;    ///< the values that are black and white
};

/// Images in rows, as one picture. A pixel that is NaN in any channel shows as a square of a chequerboard of black and
/// white, which no picture has by chance.
///
/// requires  images: N×H×W×C in [low, high] with N, H, W ≥ 1 and C 1 or 3; else throws ShapeError
template <class T, class Device>
NASH_COLD Image image_grid(const Tensor<T, Device>& images, const GridOptions& options = {}) {
  const Shape& shape = images.shape();
  if (shape.rank() != 4 || shape.count() == 0 || (shape[3] != 1 && shape[3] != 3))
    throw ShapeError("image_grid", "N×H×W×C images with 1 or 3 channels", shape.text(),
                     "give at least one grey or colour image");
  // Bounds on what is asked for, far beyond any picture and small enough that no product below can overflow.
  constexpr index_t most = 1 << 20;
  if (options.columns < 0 || options.columns > most || options.padding < 0 || options.padding > most)
    throw ShapeError("image_grid", concat({"columns and padding from 0 to ", most}),
                     concat({options.columns, " and ", options.padding}), "leave them out or make them small");

  if (!(options.low < options.high && std::isfinite(options.low) && std::isfinite(options.high)))
    throw ShapeError("image_grid", "a finite black value below a finite white one", concat({options.low, " and ", options.high}), "use -1 and 1");

  const index_t count = shape[0], height = shape[1], width = shape[2], channels = shape[3];
  const index_t columns =
      options.columns > 0 ? options.columns : static_cast<index_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  const index_t rows = (count + columns - 1) / columns;
  Image grid{.height = rows * (height + options.padding) + options.padding,
             .width = columns * (width + options.padding) + options.padding,
             .channels = channels,
             .pixels = {}};
  const index_t bytes = Shape{grid.height, grid.width, grid.channels}.count();
  grid.pixels.assign(static_cast<std::size_t>(bytes), options.background);

  const std::vector<T> values = images.to_host();
  const T* from = values.data();
  for (index_t n = 0; n < count; ++n) {
    const index_t top = options.padding + n / columns * (height + options.padding);
    const index_t left = options.padding + n % columns * (width + options.padding);
    for (index_t h = 0; h < height; ++h) {
      std::uint8_t* to = grid.pixels.data() + ((top + h) * grid.width + left) * channels;
      for (index_t w = 0; w < width; ++w, from += channels, to += channels) {
        const bool is_number = std::none_of(from, from + channels, [](T value) { return std::isnan(value); });
        for (index_t c = 0; c < channels; ++c)
          to[c] = is_number ? to_pixel(from[c], options.low, options.high) : (h + w) % 2 == 0 ? std::uint8_t{255} : std::uint8_t{0};
      }
    }
  }
  return grid;
}

/// The picture with every pixel repeated factor × factor times. Throws ShapeError if the factor is below 1.
NASH_COLD inline Image enlarge(const Image& image, index_t factor) {
  check_image("enlarge", image);
  const index_t most = std::numeric_limits<std::int32_t>::max() / std::max(image.height, image.width);
  if (factor < 1 || factor > most)
    throw ShapeError("enlarge", concat({"a factor from 1 to ", most}), concat({factor}), "use a small whole number");
  Image larger{.height = image.height * factor, .width = image.width * factor, .channels = image.channels, .pixels = {}};
  larger.pixels.resize(static_cast<std::size_t>(Shape{larger.height, larger.width, larger.channels}.count()));
  std::uint8_t* to = larger.pixels.data();
  for (index_t h = 0; h < larger.height; ++h)
    for (index_t w = 0; w < larger.width; ++w, to += image.channels)
      std::copy_n(image.pixels.data() + (h / factor * image.width + w / factor) * image.channels, image.channels, to);
  return larger;
}

}  // namespace nash
