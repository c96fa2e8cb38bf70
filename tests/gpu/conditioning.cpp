// SPDX-License-Identifier: Apache-2.0
#include "gpu/device_under_test.hpp"
#include "method/methods.hpp"
#include "nash/loss/hinge.hpp"
#include "nash/method/gradient_penalty.hpp"
#include "nash/method/infogan.hpp"
#include "nash/method/semi_supervised.hpp"
#include "nash/model/spectral_normalise.hpp"

using namespace nash;

namespace {

/// Five steps with labels, latents around their classes' means, codes, and labelled samples.
template <class Device>
std::vector<double> conditional_run(bool record = true) {
  using T = double;
  const Latent latent = Latent::class_normal(3, 4).with_category(3).with_continuous(2);
  Generator g{latent, Sequential{ConditionalConcat<T, Device>{4, {.embedding = 2}}, Dense<T, Device>{10, 6}, ConditionalBatchNorm<T, Device>{4, 6},
                                 Tanh<T, Device>{}, Residual{Dense<T, Device>{6, 25}, Embedding<T, Device>{4, 25}}, Reshape<T, Device>{5, 5, 1}}};
  Discriminator d{Sequential{ConditionalConcat<T, Device>{4}, Conv2d<T, Device>{5, 2, {.kernel = 3, .stride = 2}}, Tanh<T, Device>{},
                             ConditionalAffine<T, Device>{4, 2}, Dense<T, Device>{8, 1 + 4 + 3 + 2}}};
  const Dataset labelled("digits", {5, 5, 5, 1}, std::vector<std::uint8_t>(125, 200), {3, 0, 1, 1, 2});
  GanTrainer trainer{std::move(g), std::move(d), NonSaturating{}, {.seed = 3, .record_steps = record}, AuxiliaryClassifier{1, {.classes = 4}}, Infogan{},
                     SemiSupervised{labelled, 1, {.batch_size = 3, .classes = 4}}, GradientPenalty{1}};
  return state_after(trainer, 5, {6, 5, 5, 1});
}

/// A projection discriminator, every matrix of it normalised.
template <class Device>
std::vector<double> projection_run(bool record = true) {
  using T = double;
  Generator g{Latent::normal(3), Sequential{ConditionalConcat<T>{4}, Dense<T>{7, 25}, Tanh<T>{}, Reshape<T>{5, 5, 1}}};
  Discriminator d{spectral_normalise(Sequential{Residual{Dense<T>{25, 5}, Embedding<T>{4, 5}}, Softplus<T>{}, Maxout<T>{5, 4}, ProjectionHead<T>{4, 4}})};
  GanTrainer trainer{g.to<T, Device>(), d.to<T, Device>(), Hinge{}, {.seed = 3, .record_steps = record}, GradientPenalty{1}};
  return state_after(trainer, 5, {6, 5, 5, 1});
}

/// Minibatch discrimination, whose matrix is normalised like the others.
template <class Device>
std::vector<double> likeness_run(bool record = true) {
  using T = double;
  Generator g{Latent::normal(3), Sequential{Dense<T>{3, 25}, Tanh<T>{}, Reshape<T>{5, 5, 1}}};
  Discriminator d{spectral_normalise(Sequential{Dense<T>{25, 5}, Tanh<T>{}, MinibatchDiscrimination<T>{5, 3}, Dense<T>{8, 1}})};
  GanTrainer trainer{g.to<T, Device>(), d.to<T, Device>(), Hinge{}, {.seed = 3, .record_steps = record}};
  return state_after(trainer, 5, {6, 5, 5, 1});
}

}  // namespace

TEST_CASE("a conditional run on a GPU is that on the Reference device, recorded or not") {
  const auto here = conditional_run<DeviceUnderTest>();
  CHECK(relative_difference(here, conditional_run<Reference>()) < 1e-8);
  CHECK(same_bits(here, conditional_run<DeviceUnderTest>(false)));
  CHECK(relative_difference(conditional_run<Cpu>(), here) < 1e-8);
}

TEST_CASE("so is that of a discriminator that sees likenesses within the batch, its matrix normalised") {
  const auto here = likeness_run<DeviceUnderTest>();
  CHECK(relative_difference(here, likeness_run<Reference>()) < 1e-8);
  CHECK(same_bits(here, likeness_run<DeviceUnderTest>(false)));
}

TEST_CASE("so is that of a projection discriminator with spectral norm") {
  const auto here = projection_run<DeviceUnderTest>();
  CHECK(relative_difference(here, projection_run<Reference>()) < 1e-8);
  CHECK(same_bits(here, projection_run<DeviceUnderTest>(false)));
  CHECK(relative_difference(projection_run<Cpu>(), here) < 1e-8);
}
