// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "method/methods.hpp"
#include "nash/method/augmentation_family.hpp"
#include "stand_in.hpp"

/// The images after a family's maps.
template <class Device = nash::Cpu, class Family, class T>
nash::Tensor<T, Device> mapped(const Family& family, nash::Tensor<T, Device> images, double probability = 1, std::uint64_t seed = 4, int threads = 2) {
  nash::Context<Device> context(threads);
  nash::AugmentationChain<T, Device, Family>(std::tuple(family)).apply(context, nash::RandomStream(seed), probability, images);
  return images;
}
template <class Device = nash::Cpu, class Family, class T>
nash::Tensor<T, Device> mapped_back(const Family& family, nash::Tensor<T, Device> d, double probability = 1, std::uint64_t seed = 4) {
  nash::Context<Device> context(2);
  nash::AugmentationChain<T, Device, Family>(std::tuple(family)).apply_backward(context, nash::RandomStream(seed), probability, d);
  return d;
}

/// What image n's maps are, drawn as AugmentationChain has them drawn.
template <class Family>
auto map_of(const Family& family, const nash::Shape& shape, nash::index_t n, double probability = 1, std::uint64_t seed = 4) {
  return family.draw(nash::MapDraws{nash::RandomStream(seed).child(0), probability}, n, shape[1], shape[2]);
}

/// The way back is the adjoint of the way there, and each of its elements the central difference of ⟨d, maps(x)⟩, for images of many sizes;
/// both are the same on each device, the same bits for any number of threads; a probability of 0 changes no bit.
template <class Family>
void check_family(const Family& family, const std::vector<nash::Shape>& shapes = {{5, 7, 6, 3}, {6, 5, 5, 1}, {4, 1, 9, 2}, {3, 8, 2, 4}}) {
  using namespace nash;
  for (const Shape& shape : shapes) {
    CAPTURE(shape.text());
    const auto x = random_images<double>(shape, 1), d = random_images<double>(shape, 2);
    double changed = 0;
    for (const double probability : {1.0, 0.6})
      for (const std::uint64_t seed : {4, 5, 6}) {
        CAPTURE(probability);
        CAPTURE(seed);
        const auto y = mapped(family, x, probability, seed), y0 = mapped(family, Tensor<double>::zeros(shape), probability, seed);
        const auto back = mapped_back(family, d, probability, seed);
        double forward = 0, backward = 0;
        for (index_t i = 0; i < x.count(); ++i)
          forward += d[i] * (y[i] - y0[i]), backward += back[i] * x[i], changed += std::abs(y[i] - x[i]);
        CHECK(forward == doctest::Approx(backward).epsilon(1e-12));
        for (index_t i = 0; i < x.count(); i += 7) {
          auto above = x, below = x;
          above[i] += 0.5, below[i] -= 0.5;  // the maps are affine: no difference is too large
          const auto y_above = mapped(family, above, probability, seed), y_below = mapped(family, below, probability, seed);
          double slope = 0;
          for (index_t k = 0; k < x.count(); ++k) slope += d[k] * (y_above[k] - y_below[k]);
          REQUIRE(std::abs(back[i] - slope) < 1e-12);
        }
        const auto on = [&]<class Device>(std::type_identity<Device>) {
          Tensor<double, Device> there(shape), d_there(shape);
          there.assign_from_host(x.to_host()), d_there.assign_from_host(d.to_host());
          CHECK(relative_difference(mapped<Device>(family, there, probability, seed).to_host(), y.to_host()) < 1e-13);
          CHECK(relative_difference(mapped_back<Device>(family, d_there, probability, seed).to_host(), back.to_host()) < 1e-13);
        };
        on(std::type_identity<Reference>{}), on(std::type_identity<StandIn>{});
        CHECK(same_bits(mapped(family, x, probability, seed, 1).to_host(), y.to_host()));
      }
    CHECK(changed > 0);
    CHECK(same_bits(mapped(family, x, 0).to_host(), x.to_host()));
    CHECK(same_bits(mapped_back(family, d, 0).to_host(), d.to_host()));
  }
}
