// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/row_sums.hpp"
#include "nash/train/method.hpp"

namespace nash {

struct AugmentationOptions {
  double brightness = 0.5;      ///< b of x + U(−b, b), of pixels from −1 to 1; 0: none
  double saturation = 1;        ///< s of the factor U(1 − s, 1 + s) about each pixel's mean over channels
  double contrast = 0.5;        ///< k of the factor U(1 − k, 1 + k) about the image's mean
  double translation = 0.125;   ///< the largest shift each way, as a share of the image's sides; what comes in is 0
  double cutout = 0.5;          ///< the sides of a square that becomes 0, as a share of the image's
};

/// What becomes of one image.
struct Augmentation {
  double brightness = 0, saturation = 1, contrast = 1;
  index_t down = 0, right = 0;                             ///< pixels
  index_t cut_top = 0, cut_left = 0, cut_height = 0, cut_width = 0;  ///< may reach beyond the image

  NASH_HOST_DEVICE bool cuts(index_t row, index_t column) const {
    return row >= cut_top && row < cut_top + cut_height && column >= cut_left && column < cut_left + cut_width;
  }
};

/// Draws image n's augmentation.
struct DrawAugmentation {
  RandomStream random;
  AugmentationOptions options;
  index_t height, width;
  Augmentation* all;

  NASH_HOST_DEVICE void operator()(index_t n) const { all[n] = of(n); }

  NASH_HOST_DEVICE Augmentation of(index_t n) const {
    Augmentation a;
    a.brightness = options.brightness * (2 * uniform(n, 0) - 1);
    a.saturation = 1 + options.saturation * (2 * uniform(n, 1) - 1);
    a.contrast = 1 + options.contrast * (2 * uniform(n, 2) - 1);
    a.down = shift(n, 3, height), a.right = shift(n, 4, width);
    a.cut_height = rounded(options.cutout, height), a.cut_width = rounded(options.cutout, width);
    a.cut_top = place(n, 5, height + 1 - a.cut_height % 2) - a.cut_height / 2;
    a.cut_left = place(n, 6, width + 1 - a.cut_width % 2) - a.cut_width / 2;
    return a;
  }

 private:
  NASH_HOST_DEVICE double uniform(index_t n, index_t purpose) const { return random.uniform(16 * n + purpose); }
  NASH_HOST_DEVICE index_t rounded(double share, index_t size) const { return static_cast<index_t>(share * static_cast<double>(size) + 0.5); }
  /// Of 0 to count − 1.
  NASH_HOST_DEVICE index_t place(index_t n, index_t purpose, index_t count) const {
    return static_cast<index_t>(uniform(n, purpose) * static_cast<double>(count));
  }
  NASH_HOST_DEVICE index_t shift(index_t n, index_t purpose, index_t size) const {
    const index_t most = rounded(options.translation, size);
    return place(n, purpose, 2 * most + 1) - most;
  }
};

/// The three of colour at once, of pixel `pixel`'s channels in place: with the means m of the pixel and M of the image,
///
///     x := contrast·(saturation·x + (1 − saturation)·m) + (1 − contrast)·M + brightness
///
/// without the brightness this is symmetric, and so its own way back.
template <class T>
struct ChangeColours {
  const Augmentation* all;
  const double* sums;  // of each image
  index_t pixels, channels;
  bool is_cotangent;
  T* x;
  NASH_HOST_DEVICE void operator()(index_t pixel) const {
    const index_t n = pixel / pixels;
    const Augmentation& a = all[n];
    T* const own = x + pixel * channels;
    double mean = 0;
    for (index_t c = 0; c < channels; ++c) mean += static_cast<double>(own[c]) / static_cast<double>(channels);
    const double offset = a.contrast * (1 - a.saturation) * mean + (1 - a.contrast) * sums[n] / static_cast<double>(pixels * channels) +
                          (is_cotangent ? 0.0 : a.brightness);
    for (index_t c = 0; c < channels; ++c) own[c] = static_cast<T>(a.contrast * a.saturation * static_cast<double>(own[c]) + offset);
  }
};

/// y := x shifted and cut, or, of a cotangent, cut and shifted back
template <class T>
struct MovePixels {
  const Augmentation* all;
  index_t height, width, channels;
  bool is_cotangent;
  const T* x;
  T* y;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t c = i % channels, column = i / channels % width, row = i / (channels * width) % height, n = i / (channels * width * height);
    const Augmentation& a = all[n];
    const index_t from_row = is_cotangent ? row + a.down : row - a.down, from_column = is_cotangent ? column + a.right : column - a.right;
    const bool inside = from_row >= 0 && from_row < height && from_column >= 0 && from_column < width;
    const bool cut = is_cotangent ? a.cuts(from_row, from_column) : a.cuts(row, column);
    y[i] = inside && !cut ? x[((n * height + from_row) * width + from_column) * channels + c] : T{0};
  }
};

/// Augments batches of images by random maps that are differentiable, and takes cotangents back through them: what DiffAugment does.
/// Colours come first, then the shift, then the cut.
template <class T, class Device>
class Augmenter {
 public:
  /// images := their augmentations; the same stream draws the same ones.
  void apply(Context<Device>& context, RandomStream random, const AugmentationOptions& options, Tensor<T, Device>& images) {
    draw(context, random, options, images.shape());
    change_colours(context, false, images);
    move(context, false, images);
  }

  /// d := the cotangent of the images by that of their augmentations.
  void apply_backward(Context<Device>& context, RandomStream random, const AugmentationOptions& options, Tensor<T, Device>& d) {
    draw(context, random, options, d.shape());
    move(context, true, d);
    change_colours(context, true, d);
  }

 private:
  void draw(Context<Device>& context, RandomStream random, const AugmentationOptions& options, const Shape& shape) {
    if (shape.rank() != 4) throw ShapeError("Augmentation", "N×H×W×C images", shape.text(), "end the generator with such images");
    all_.resize(Shape{shape[0]});
    pointwise(context, shape[0], DrawAugmentation{random, options, shape[1], shape[2], all_.data()});
  }

  void change_colours(Context<Device>& context, bool is_cotangent, Tensor<T, Device>& x) const {
    const Shape& shape = x.shape();
    const auto sums = context.template scratch<double>(shape[0]);
    sum_rows(context, shape[0], shape.count_per_sample(), Value<T>{x.data()}, sums.data());
    pointwise(context, shape.rows(), ChangeColours<T>{all_.data(), sums.data(), shape[1] * shape[2], shape[3], is_cotangent, x.data()});
  }

  void move(Context<Device>& context, bool is_cotangent, Tensor<T, Device>& x) const {
    const Shape& shape = x.shape();
    const auto before = context.template scratch<T>(x.count());
    pointwise(context, x.count(), Copy<T>{x.data(), before.data()});
    pointwise(context, x.count(), MovePixels<T>{all_.data(), shape[1], shape[2], shape[3], is_cotangent, before.data(), x.data()});
  }

  Tensor<Augmentation, Device> all_;
};

/// Throws ShapeError where an option is below 0, or a share above 1.
NASH_COLD inline void check_augmentation(const AugmentationOptions& options, std::string_view method) {
  require_method_option(0, options.brightness, method, "a brightness");
  require_method_option(0, options.saturation, method, "a saturation");
  require_method_option(0, options.contrast, method, "a contrast");
  for (const auto& [share, what] : {std::pair{options.translation, "a translation"}, {options.cutout, "a cutout"}})
    if (!(share >= 0 && share <= 1)) throw ShapeError(std::string(method), concat({what, " from 0 to 1, a share of the sides"}), concat({share}), "use less");
}

}  // namespace nash
