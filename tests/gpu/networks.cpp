// SPDX-License-Identifier: Apache-2.0
#include "gpu/device_under_test.hpp"
#include "nash/model/dcgan.hpp"
#include "nash/model/dcgan_dense.hpp"
#include "nash/model/mlp.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

using Device = DeviceUnderTest;

/// Names a scalar and a device.
template <class T, class D>
struct Of {};

/// y, dx and the parameters' gradients.
template <class T>
using Outcome = std::array<std::vector<T>, 3>;

/// What the network of a factory makes of an input and of its result's cotangent in training, with products of T. Parameters and operands
/// are floats, the same ones for every T and device.
template <class T, class D, class Make>
Outcome<T> exact_outcome(const Make& make, const Shape& input, std::uint64_t seed) {
  auto original = make(Of<float, Cpu>());
  auto network = make(Of<T, D>());
  original.initialise(1), network.initialise(1);
  const FlatParameters<float, Cpu> values(original);
  FlatParameters<T, D> flat(network);
  convert(values.values(), flat.values());
  Context<D> context(1);
  if constexpr (requires { context.set_exact_products(true); }) context.set_exact_products(true);
  const Pass<D> pass{context, Mode::train, RandomStream(8)};
  typename decltype(network)::Saved saved;
  Tensor<T, D> x, y, dy, dx, gradient = Tensor<T, D>::zeros({count_parameters(network)});
  Gradients<T, D> gradients(gradient);
  convert(random_images(input, seed), x);
  network.forward(pass, x, y, &saved);
  convert(random_images(y.shape(), seed + 1), dy);
  network.backward(pass, x, y, saved, dy, &dx, &gradients);
  return {y.to_host(), dx.to_host(), gradient.to_host()};
}

/// Compares float32 on the GPU with double on the processor. Where a rectifier's input is zero but for rounding its slope is either one, and
/// gradients are off by more: it happens to few batches, and so not to the median of five.
template <class Make>
void check_exact(const Make& make, const Shape& input) {
  constexpr std::size_t batches = 5;
  std::array<std::array<double, batches>, 3> off{};
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const Outcome<float> here = exact_outcome<float, Device>(make, input, 10 * batch);
    const Outcome<double> there = exact_outcome<double, Cpu>(make, input, 10 * batch);
    for (std::size_t i = 0; i < off.size(); ++i)
      off[i][batch] = relative_difference(std::vector<double>(here[i].begin(), here[i].end()), there[i]);
  }
  for (auto& of_batches : off) std::sort(of_batches.begin(), of_batches.end());
  const auto& [y, dx, gradient] = off;
  CHECK(y.back() <= exact_tolerance);
  CHECK(dx[batches / 2] <= exact_tolerance);
  CHECK(gradient[batches / 2] <= exact_tolerance);
}

}  // namespace

TEST_CASE("a GPU's dcgan28 is exact to float32 as a whole") {
  check_exact([]<class T, class D>(Of<T, D>) { return dcgan28_generator<T, D>(); }, {3, 100});
  check_exact([]<class T, class D>(Of<T, D>) { return dcgan28_discriminator<T, D>(); }, {3, 28, 28, 1});
}

// Where BatchNorm has one value of each sample a batch is not small, since the variance of a few values can be nearly zero.
TEST_CASE("a GPU's mlp is exact to float32 as a whole") {
  check_exact([]<class T, class D>(Of<T, D>) { return mlp_generator<T, D>(); }, {16, 128});
  check_exact([]<class T, class D>(Of<T, D>) { return mlp_discriminator<T, D>(); }, {16, 28, 28, 1});
}
TEST_CASE("a GPU's dcgan28_dense is exact to float32 as a whole") {
  check_exact([]<class T, class D>(Of<T, D>) { return dcgan28_dense_generator<T, D>(); }, {16, 100});
  check_exact([]<class T, class D>(Of<T, D>) { return dcgan28_dense_discriminator<T, D>(); }, {16, 28, 28, 1});
}
TEST_CASE("a GPU's dcgan64 is exact to float32 as a whole") {
  check_exact([]<class T, class D>(Of<T, D>) { return dcgan_generator<T, D>({.size = 64}); }, {2, 100});
  check_exact([]<class T, class D>(Of<T, D>) { return dcgan_discriminator<T, D>({.size = 64}); }, {2, 64, 64, 3});
}
