// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/method/augmentation_family.hpp"
#include "nash/method/reflected_positions.hpp"

namespace nash {

/// Where an output pixel looks in the input: from (r, c) off the image's middle at (rr·r + rc·c + down, cr·r + cc·c + right).
struct AffineMap {
  double rr = 1, rc = 0, cr = 0, cc = 1, down = 0, right = 0;

  NASH_HOST_DEVICE bool is_identity() const { return rr == 1 && rc == 0 && cr == 0 && cc == 1 && down == 0 && right == 0; }
  NASH_HOST_DEVICE double row(double r, double c) const { return rr * r + rc * c + down; }
  NASH_HOST_DEVICE double column(double r, double c) const { return cr * r + cc * c + right; }

  /// The map after which another change of the image comes, whose pixels look where `next` says.
  NASH_HOST_DEVICE AffineMap then(const AffineMap& next) const {
    return {rr * next.rr + rc * next.cr, rr * next.rc + rc * next.cc, cr * next.rr + cc * next.cr, cr * next.rc + cc * next.cc,
            row(next.down, next.right), column(next.down, next.right)};
  }
  /// As all that moves an image by (rows, columns).
  NASH_HOST_DEVICE static AffineMap shift(double rows, double columns) { return {1, 0, 0, 1, -rows, -columns}; }
  NASH_HOST_DEVICE static AffineMap scale(double rows, double columns) { return {1 / rows, 0, 0, 1 / columns, 0, 0}; }
  NASH_HOST_DEVICE static AffineMap rotation(double cosine, double sine) { return {cosine, -sine, sine, cosine, 0, 0}; }
};

/// y[n, r, c] := x[n] sampled bilinearly where the image's map says, mirrored at the borders; or, of a cotangent, the adjoint of that: the
/// sum over the outputs that sample it of their shares times x. Each of those is found by the inverse map, so that nothing is added up in
/// memory and the sum has one order.
template <class T>
struct WarpImages {
  static constexpr bool scalar_work = true;
  const AffineMap* maps;
  index_t height, width, channels;
  bool is_cotangent;
  const T* x;
  T* y;

  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t channel = i % channels, column = i / channels % width, row = i / (channels * width) % height, n = i / (channels * width * height);
    if (maps[n].is_identity()) {
      y[i] = x[i];
      return;
    }
    const Plane plane{maps[n], 0.5 * static_cast<double>(height - 1), 0.5 * static_cast<double>(width - 1), x + n * height * width * channels + channel};
    y[i] = static_cast<T>(is_cotangent ? collected(plane, row, column) : sampled(plane, row, column));
  }

 private:
  /// One channel of an image, its map, and its middle, which maps count from.
  struct Plane {
    const AffineMap& map;
    double middle_row, middle_column;
    const T* x;

    /// Where output pixel (row, column) looks.
    NASH_HOST_DEVICE double row_of(index_t row, index_t column) const {
      return map.row(static_cast<double>(row) - middle_row, static_cast<double>(column) - middle_column) + middle_row;
    }
    NASH_HOST_DEVICE double column_of(index_t row, index_t column) const {
      return map.column(static_cast<double>(row) - middle_row, static_cast<double>(column) - middle_column) + middle_column;
    }
  };

  NASH_HOST_DEVICE double value(const Plane& plane, index_t row, index_t column) const {
    return static_cast<double>(plane.x[(row * width + column) * channels]);
  }

  NASH_HOST_DEVICE double sampled(const Plane& plane, index_t row, index_t column) const {
    const double from_row = plane.row_of(row, column), from_column = plane.column_of(row, column);
    const index_t top = whole(from_row), left = whole(from_column);
    double total = 0;
    for (index_t p = top; p < top + 2; ++p)
      for (index_t q = left; q < left + 2; ++q)
        total += share(from_row, p) * share(from_column, q) * value(plane, reflected(p, height), reflected(q, width));
    return total;
  }

  NASH_HOST_DEVICE double collected(const Plane& plane, index_t row, index_t column) const {
    const AffineMap& map = plane.map;
    const double middle_row = plane.middle_row, middle_column = plane.middle_column;
    // The outputs look at positions up to this far from the middle, and 1 beyond.
    const double rows = absolute(map.rr) * middle_row + absolute(map.rc) * middle_column + 1;
    const double columns = absolute(map.cr) * middle_row + absolute(map.cc) * middle_column + 1;
    const double determinant = map.rr * map.cc - map.rc * map.cr;
    const double down_reach = (absolute(map.cc) + absolute(map.rc)) / absolute(determinant);  // of the inverse map, of a square of 2 pixels
    const double right_reach = (absolute(map.cr) + absolute(map.rr)) / absolute(determinant);
    double total = 0;
    for (ReflectedPositions p(row, height, whole(middle_row + map.down - rows), whole(middle_row + map.down + rows) + 1); p.valid(); p.next())
      for (ReflectedPositions q(column, width, whole(middle_column + map.right - columns), whole(middle_column + map.right + columns) + 1); q.valid();
           q.next()) {
        const double down = static_cast<double>(p.position()) - middle_row - map.down, right = static_cast<double>(q.position()) - middle_column - map.right;
        const double at_row = (map.cc * down - map.rc * right) / determinant + middle_row;
        const double at_column = (map.rr * right - map.cr * down) / determinant + middle_column;
        const index_t last_row = below(whole(at_row + down_reach) + 1, height), last_column = below(whole(at_column + right_reach) + 1, width);
        for (index_t to_row = from_zero(whole(at_row - down_reach)); to_row <= last_row; ++to_row)
          for (index_t to_column = from_zero(whole(at_column - right_reach)); to_column <= last_column; ++to_column)
            total += share(plane.row_of(to_row, to_column), p.position()) * share(plane.column_of(to_row, to_column), q.position()) *
                     value(plane, to_row, to_column);
      }
    return total;
  }

  /// Of input position p in what is sampled at `at`.
  NASH_HOST_DEVICE static double share(double at, index_t p) {
    const double distance = absolute(at - static_cast<double>(p));
    return distance < 1 ? 1 - distance : 0;
  }
  NASH_HOST_DEVICE static double absolute(double v) { return v < 0 ? -v : v; }
  NASH_HOST_DEVICE static index_t whole(double v) { return static_cast<index_t>(std::floor(v)); }
  NASH_HOST_DEVICE static index_t from_zero(index_t i) { return i < 0 ? 0 : i; }
  NASH_HOST_DEVICE static index_t below(index_t i, index_t size) { return i < size ? i : size - 1; }
};

/// images := the images warped, each by its map, or, of cotangents, the adjoint of that.
template <class T, class Device>
NASH_COLD void warp(Context<Device>& context, const AffineMap* maps, bool is_cotangent, Tensor<T, Device>& images) {
  const Shape& shape = images.shape();
  const auto before = context.template scratch<T>(images.count());
  pointwise(context, images.count(), Copy<T>{images.data(), before.data()});
  pointwise(context, images.count(), WarpImages<T>{maps, shape[1], shape[2], shape[3], is_cotangent, before.data(), images.data()});
}

/// What a family does whose maps are affine maps of the plane: family.draw(draws, n, height, width) is all of them of image n.
template <class T, class Device, class Family>
class WarpMaps {
 public:
  explicit WarpMaps(const Family& family) : family_(family) {}

  NASH_COLD void apply(Context<Device>& context, const MapDraws& draws, bool is_cotangent, Tensor<T, Device>& images) {
    draw_maps(context, family_, draws, images.shape(), maps_);
    warp(context, maps_.data(), is_cotangent, images);
  }

 private:
  Family family_;
  Tensor<AffineMap, Device> maps_;
};

}  // namespace nash
