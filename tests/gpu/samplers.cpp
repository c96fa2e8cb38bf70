// SPDX-License-Identifier: Apache-2.0
#include "gpu/device_under_test.hpp"
#include "nash/nn/conditional_affine.hpp"
#include "nash/nn/projection_head.hpp"
#include "nash/sample/class_grid.hpp"
#include "nash/sample/interpolation.hpp"
#include "nash/sample/langevin.hpp"
#include "nash/sample/nearest_neighbours.hpp"
#include "nash/sample/rejection.hpp"
#include "nash/sample/truncation.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

template <class Device>
auto generator_of(const Latent& latent) {
  Generator g{latent, Sequential{Dense<double, Device>{latent.size(), 6}, Tanh<double, Device>{}}};
  g.initialise(1);
  return g;
}

template <class Device>
auto critic() {
  Discriminator d{Sequential{Dense<double, Device>{6, 5}, Softplus<double, Device>{}, Dense<double, Device>{5, 1}}};
  d.initialise(2);
  return d;
}

/// Two that know three classes, between which every parameter differs.
template <class Device>
auto conditional_generator() {
  Generator g{Latent::normal(3), Sequential{ConditionalAffine<double, Device>{3, 3}, Dense<double, Device>{3, 6}, Tanh<double, Device>{}}};
  g.initialise(1);
  g.parameters().assign_from_host(random_images<double>(g.parameters().shape(), 7).to_host());
  return g;
}
template <class Device>
auto conditional_critic() {
  Discriminator d{Sequential{Dense<double, Device>{6, 5}, Softplus<double, Device>{}, ProjectionHead<double, Device>{5, 3}}};
  d.initialise(2);
  d.parameters().assign_from_host(random_images<double>(d.parameters().shape(), 8).to_host());
  return d;
}

const std::vector<std::int32_t> classes{0, 1, 1, 0, 2};

template <class Device>
Tensor<double, Device> latents(Context<Device>& context, std::uint64_t seed, index_t count = 5) {
  Tensor<double, Device> z;
  Latent::normal(3).draw(context, RandomStream(seed), count, z);
  return z;
}

/// What a sampler makes on a GPU is what it makes on the Cpu.
template <class Sampler>
void compare(const std::string& name, const Sampler& sampler) {
  CAPTURE(name);
  Context<DeviceUnderTest> context(1);
  Context<Cpu> other(1);
  const std::vector<double> here = sampler(context), there = sampler(other);
  REQUIRE(std::any_of(there.begin(), there.end(), [](double value) { return value != 0; }));
  CHECK(relative_difference(here, there) < 1e-10);
}

}  // namespace

TEST_CASE("truncated latents and their samples are on a GPU what they are on the Cpu") {
  compare("latents", []<class Device>(Context<Device>& context) {
    Tensor<double, Device> z;
    truncated(Latent::normal(3).with_category(2).with_continuous(1), 0.7).draw(context, RandomStream(1), 9, z);
    return z.to_host();
  });
  compare("samples", []<class Device>(Context<Device>& context) {
    return truncated_samples(context, generator_of<Device>(Latent::normal(3)), RandomStream(1), 9, 0.7).to_host();
  });
  compare("samples of classes", []<class Device>(Context<Device>& context) {
    return truncated_samples(context, conditional_generator<Device>(), RandomStream(1), Labels<Device>(std::vector<std::int32_t>{1, 0, 2}), 0.7).to_host();
  });
}

TEST_CASE("interpolated latents are on a GPU what they are on the Cpu") {
  for (const Interpolation interpolation : {Interpolation::linear, Interpolation::spherical})
    compare(interpolation == Interpolation::linear ? "linear" : "spherical", [&]<class Device>(Context<Device>& context) {
      return interpolate(context, latents(context, 1), latents(context, 2), 4, interpolation).to_host();
    });
}

TEST_CASE("refined latents are on a GPU what they are on the Cpu, with labels too") {
  for (const LatentDynamics dynamics : {LatentDynamics::ddls, LatentDynamics::dg_flow}) {
    const LangevinOptions options{.dynamics = dynamics, .steps = 5, .rate = 0.1};
    const std::string name = dynamics == LatentDynamics::ddls ? "DDLS" : "DG-flow";
    compare(name, [&]<class Device>(Context<Device>& context) {
      auto z = latents(context, 2);
      refine_latents(context, generator_of<Device>(Latent::normal(3)), critic<Device>(), RandomStream(3), z, options);
      return z.to_host();
    });
    compare(name + " with labels", [&]<class Device>(Context<Device>& context) {
      auto z = latents(context, 2);
      const Labels<Device> labels(classes);
      refine_latents(context, conditional_generator<Device>(), conditional_critic<Device>(), RandomStream(3), z, options, labels.view());
      return z.to_host();
    });
  }
}

TEST_CASE("what rejection sampling keeps on a GPU is what it keeps on the Cpu, with labels too") {
  const RejectionOptions options{.burn_in = 40, .batch = 20};
  compare("without labels", [&]<class Device>(Context<Device>& context) {
    return DiscriminatorRejection{options}.sample(context, generator_of<Device>(Latent::normal(3)), critic<Device>(), RandomStream(4), 9).to_host();
  });
  compare("with labels", [&]<class Device>(Context<Device>& context) {
    return DiscriminatorRejection{options}
        .sample(context, conditional_generator<Device>(), conditional_critic<Device>(), RandomStream(4), Labels<Device>(classes)).to_host();
  });
}

TEST_CASE("the nearest training images are on a GPU what they are on the Cpu") {
  compare("neighbours", []<class Device>(Context<Device>& context) {
    NearestNeighbours nearest(random_images<double, Device>({4, 3, 2, 1}, 1), 3);
    for (const std::uint64_t batch : {2, 3}) nearest.add(context, random_images<double, Device>({11, 3, 2, 1}, batch));
    std::vector<double> found;
    for (index_t n = 0; n < 4; ++n)
      for (const Neighbour& neighbour : nearest.of(n)) found.insert(found.end(), {static_cast<double>(neighbour.index), neighbour.distance});
    return found;
  });
}

TEST_CASE("class grids are on a GPU what they are on the Cpu, of labels and of a category") {
  compare("labels", []<class Device>(Context<Device>& context) {
    const auto g = conditional_generator<Device>();
    return ClassGrid(context, g, RandomStream(5), 4).samples(context, g).to_host();
  });
  compare("a category", []<class Device>(Context<Device>& context) {
    const auto g = generator_of<Device>(Latent::normal(2).with_category(3));
    const ClassGrid grid(context, g, RandomStream(5), 4);
    auto found = grid.latents().to_host();
    const auto samples = grid.samples(context, g).to_host();
    found.insert(found.end(), samples.begin(), samples.end());
    return found;
  });
}
