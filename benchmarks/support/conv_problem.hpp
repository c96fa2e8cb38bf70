// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/host.hpp"
#include "nash/tensor/tensor.hpp"
#include "support/agreement.hpp"
#include "support/contender.hpp"
#include "support/direction.hpp"

namespace benchmark {

/// A convolution in one direction: operands, nash's result and what Reference makes of it.
class ConvProblem {
 public:
  ConvProblem(const nash::Conv2dGeometry& geometry, Direction direction, nash::Context<>& context)
      : geometry_(geometry), direction_(direction), context_(context), image_(geometry.image_shape()), filters_(geometry.filter_shape()),
        output_(geometry.output_shape()) {
    std::uint64_t seed = 0;
    for (nash::Tensor<float>* tensor : {&image_, &filters_, &output_})
      nash::fill_normal(context, nash::RandomStream(++seed), 0, 1, tensor->count(), tensor->data());
    clear_result();
  }

  const nash::Conv2dGeometry& geometry() const { return geometry_; }
  Direction direction() const { return direction_; }
  const nash::Tensor<float>& image() const { return image_; }
  const nash::Tensor<float>& filters() const { return filters_; }
  const nash::Tensor<float>& output() const { return output_; }

  /// Two for each multiply-add with a pixel of the image; those with padding are none.
  double operations() const {
    const nash::Conv2dGeometry& g = geometry_;
    const auto taps = [](nash::index_t results, nash::index_t kernel, nash::index_t stride, nash::index_t padding, nash::index_t size) {
      nash::index_t inside = 0;
      for (nash::index_t p = 0; p < results; ++p)
        for (nash::index_t r = 0; r < kernel; ++r) {
          const nash::index_t at = p * stride + r - padding;
          inside += at >= 0 && at < size;
        }
      return inside;
    };
    return 2.0 * static_cast<double>(g.n * g.c * g.o) * static_cast<double>(taps(g.p(), g.r, g.stride_h, g.padding_h, g.h)) *
           static_cast<double>(taps(g.q(), g.s, g.stride_w, g.padding_w, g.w));
  }

  /// Of both operands and the result: what has to move at least.
  double bytes() const { return 4.0 * static_cast<double>(image_.count() + filters_.count() + output_.count()); }

  Contender nash() {
    return {"nash", [this] { run(geometry_, image_.data(), filters_.data(), output_.data()); },
            [this] {
              clear_result();
              run(geometry_, image_.data(), filters_.data(), output_.data());
              return std::vector<float>(result().begin(), result().end());
            }};
  }

  /// How far nash's result is off. Reference would take minutes for a batch; what is compared is the first and the last image
  /// of the call that is timed or, for the weights' gradient, which sums over the batch, one image's gradient with
  /// Reference's and the batch's with the sum over its images.
  double error() {
    const std::vector<float> whole = nash().result();
    nash::Conv2dGeometry one = geometry_;
    one.n = 1;
    if (direction_ != Direction::backward_weights)
      return std::max(error_of_image(one, 0, whole), error_of_image(one, geometry_.n - 1, whole));

    clear_result();
    run(one, image_.data(), filters_.data(), output_.data());
    const std::vector<double> expected = reference(one, 0);
    const double error = largest_error<double>(std::span(result().data(), expected.size()), expected);
    for (nash::index_t n = 1; n < geometry_.n; ++n)
      run(one, image_.data() + n * one.image_shape().count(), filters_.data(), output_.data() + n * one.output_shape().count());
    return std::max(error, largest_error<float>(whole, std::span(result().data(), whole.size())));
  }

 private:
  nash::Tensor<float>& result() {
    return direction_ == Direction::forward ? output_ : direction_ == Direction::backward_data ? image_ : filters_;
  }
  void clear_result() { std::fill(result().begin(), result().end(), 0.0f); }

  void run(const nash::Conv2dGeometry& g, float* image, float* filters, float* output) {
    using Kernels = nash::Conv2dKernels<nash::Cpu>;
    if (direction_ == Direction::forward) Kernels::forward(context_, g, image, filters, output);
    if (direction_ == Direction::backward_data) Kernels::backward_data(context_, g, output, filters, image);
    if (direction_ == Direction::backward_weights) Kernels::backward_weights(context_, g, image, output, filters);
  }

  double error_of_image(const nash::Conv2dGeometry& one, nash::index_t n, const std::vector<float>& whole) {
    const std::vector<double> expected = reference(one, n);
    return largest_error<double>(std::span(whole).subspan(static_cast<std::size_t>(n) * expected.size(), expected.size()), expected);
  }

  /// One image's result in double by the naive loops.
  std::vector<double> reference(const nash::Conv2dGeometry& one, nash::index_t n) {
    const auto widened = [](const float* values, nash::index_t count) { return std::vector<double>(values, values + count); };
    const nash::index_t image_size = one.image_shape().count(), output_size = one.output_shape().count();
    std::vector<double> image = widened(image_.data() + n * image_size, image_size), filters = widened(filters_.data(), filters_.count()),
                        output = widened(output_.data() + n * output_size, output_size);
    nash::Context<nash::Reference> naive(1);
    using Kernels = nash::Conv2dKernels<nash::Reference>;
    if (direction_ == Direction::forward) {
      Kernels::forward(naive, one, image.data(), filters.data(), output.data());
      return output;
    }
    if (direction_ == Direction::backward_data) {
      Kernels::backward_data(naive, one, output.data(), filters.data(), image.data());
      return image;
    }
    std::fill(filters.begin(), filters.end(), 0);
    Kernels::backward_weights(naive, one, image.data(), output.data(), filters.data());
    return filters;
  }

  nash::Conv2dGeometry geometry_;
  Direction direction_;
  nash::Context<>& context_;
  nash::Tensor<float> image_, filters_, output_;
};

}  // namespace benchmark
