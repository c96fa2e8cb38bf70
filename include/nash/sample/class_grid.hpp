// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "nash/model/generator.hpp"

namespace nash {

/// The columns first, …, first + values − 1 of each row := the one-hot code of the row's number / rows_of_each
template <class T>
struct WriteCategory {
  index_t size, first, values, rows_of_each;
  T* z;
  NASH_HOST_DEVICE void operator()(index_t i) const {
    const index_t row = i / values;
    z[row * size + first + i % values] = i % values == row / rows_of_each ? T{1} : T{0};
  }
};

/// A grid of samples with a row for each class and a column for each latent: all of a column come from one latent, so that it shows what
/// the latent says besides the class. Mirza and Osindero 2014, figure 2, has such a grid, without the columns.
///
///     const ClassGrid grid(trainer.context(), trainer.generator(), RandomStream(1), 8);
///     write_png("classes.png", image_grid(grid.samples(trainer.context(), trainer.sampling_generator()), {.columns = grid.columns()}));
///
/// Classes are the labels that the generator knows; where it knows none, the values of the first category among its latents' codes
/// (Latent::with_category), as of InfoGAN. Latents around a mean of their class have the noise in common. The grid can be drawn again
/// and again, as from a generator in training.
template <class T, class Device>
class ClassGrid {
 public:
  /// Throws ShapeError where the generator knows neither labels nor a category.
  template <class G>
  NASH_COLD ClassGrid(Context<Device>& context, const G& generator, RandomStream random, index_t columns)
      : rows_(generator.classes()), columns_(columns) {
    const Latent& latent = generator.latent();
    const bool has_labels = rows_ > 0;
    if (!has_labels && !latent.categories().empty()) rows_ = latent.categories().front();
    if (rows_ < 1)
      throw ShapeError("ClassGrid", "a generator that knows classes, by labels or as a category of its latents", "one that knows none",
                       "draw its samples by generate()");
    require_at_least(1, columns, "ClassGrid", "a number of columns");

    std::vector<std::int32_t> labels;
    latents_.resize(Shape{rows_ * columns_, latent.size()});
    Tensor<T, Device> row;
    for (index_t k = 0; k < rows_; ++k) {
      const std::vector<std::int32_t> own(static_cast<std::size_t>(columns_), static_cast<std::int32_t>(k));
      labels.insert(labels.end(), own.begin(), own.end());
      const Labels<Device> of_row(own, has_labels ? rows_ : 0);
      latent.draw(context, random, columns_, row, of_row.view());  // of the same numbers each time
      pointwise(context, row.count(), Copy<T>{row.data(), latents_.data() + k * row.count()});
    }
    if (has_labels)
      labels_.assign(labels, rows_);
    else
      pointwise(context, rows_ * columns_ * rows_, WriteCategory<T>{latent.size(), latent.first_code(), rows_, columns_, latents_.data()});
  }

  index_t rows() const { return rows_; }
  index_t columns() const { return columns_; }

  /// rows()·columns() of them, row by row.
  const Tensor<T, Device>& latents() const { return latents_; }
  /// 0 0 0 … 1 1 1 …; none where the class is a category.
  LabelView labels() const { return labels_.view(); }

  /// Their samples, row by row, in inference mode: what image_grid takes, with columns() columns.
  template <class G>
  NASH_COLD Tensor<T, Device> samples(Context<Device>& context, const G& generator) const {
    Tensor<T, Device> samples;
    generator.generate(context, latents_, samples, labels());
    return samples;
  }

 private:
  index_t rows_, columns_;
  Tensor<T, Device> latents_;
  Labels<Device> labels_;
};

template <class G>
ClassGrid(Context<typename G::Device>&, const G&, RandomStream, index_t) -> ClassGrid<typename G::Scalar, typename G::Device>;

}  // namespace nash
