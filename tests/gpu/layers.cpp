// SPDX-License-Identifier: Apache-2.0
#include "gpu/device_under_test.hpp"
#include "nash/loss/hinge.hpp"
#include "nash/loss/least_squares.hpp"
#include "nash/loss/non_saturating.hpp"
#include "nash/loss/relativistic_average.hpp"
#include "nash/loss/wasserstein.hpp"
#include "nash/optim/adam.hpp"
#include "nash/optim/ema.hpp"
#include "nash/optim/rmsprop.hpp"
#include "nash/optim/sgd.hpp"
#include "nn/specimens.hpp"

using namespace nash;

namespace {

using Device = DeviceUnderTest;

/// Everything that a layer makes of given operands, as doubles on the processor: y, dx, gradients, the tangent, x̄, the second
/// order's gradients, and the running statistics after a commit.
template <class D>
std::vector<Tensor<double>> all_of(const Specimen& specimen, Mode mode) {
  AnyLayer<double, D> layer = initialised(LayerRegistry<double, D>::standard().build(specimen.description));
  FlatParameters<double, D> flat(layer);
  Context<D> context(1);
  restore(context, layer);
  const auto labels = testing::labels_of<D>(specimen.input[0], 4);
  const Pass<D> pass{.context = context, .mode = mode, .random = RandomStream(8), .second_order = true, .labels = labels.view()};
  typename AnyLayer<double, D>::Saved saved;
  const auto x = random_tensor<double, D>(specimen.input, 2), tangent = random_tensor<double, D>(specimen.input, 3);
  Tensor<double, D> y, dx, y_tangent, gradient = Tensor<double, D>::filled({count_parameters(layer)}, 0.5);
  layer.forward(pass, x, y, &saved);
  const auto dy = random_tensor<double, D>(y.shape(), 4);
  Gradients<double, D> gradients(gradient);
  layer.backward(pass, x, y, saved, dy, &dx, &gradients);
  layer.tangent(pass, x, y, saved, tangent, y_tangent);
  Tensor<double, D> x_bar = Tensor<double, D>::filled(x.shape(), 0.25), second = Tensor<double, D>::zeros(gradient.shape());
  Gradients<double, D> second_gradients(second);
  layer.tangent_backward(pass, x, y, saved, tangent, dy, &x_bar, &second_gradients);
  layer.commit(context, saved);
  std::vector<Tensor<double>> all(6);
  convert(y, all[0]), convert(dx, all[1]), convert(gradient, all[2]), convert(y_tangent, all[3]), convert(x_bar, all[4]), convert(second, all[5]);
  for_each_buffer(layer, [&](const StateName&, const auto& buffer) { convert(buffer.value(), all.emplace_back()); });
  return all;
}

}  // namespace

TEST_CASE("every layer makes on a GPU what it makes on the Reference device, up to the second order") {
  for (const Specimen& specimen : specimens<double, Cpu>())
    for (const Mode mode : {Mode::train, Mode::infer}) {
      CAPTURE(specimen.description.type());
      const auto here = all_of<Device>(specimen, mode), there = all_of<Reference>(specimen, mode);
      REQUIRE(here.size() == there.size());
      for (std::size_t i = 0; i < here.size(); ++i) {
        CAPTURE(i);
        CHECK(difference(here[i], there[i]) < 1e-12);
      }
    }
}

TEST_CASE("a network with every layer means the same on a GPU, fused and in float as well") {
  const auto net = prepared(every_layer());
  for (const Mode mode : {Mode::train, Mode::infer}) {
    check_same(outcome(net.to<double, Device>(), mode), outcome(net.to<double, Reference>(), mode), 1e-12);
    check_same(outcome(net.to<float, Device>(), mode), outcome(net, mode), 2 * tf32_tolerance);
  }
}

TEST_CASE("the activation after a product is part of the pass that adds the bias") {
  const auto same = [](const auto& net, const Shape& input) {
    const auto here_net = net.template to<double, Device>();
    const auto there_net = net.template to<double, Reference>();
    Context<Device> context;
    Context<Reference> reference;
    const auto x = random_tensor<double, Device>(input, 1);
    const auto same_x = random_tensor<double, Reference>(input, 1);
    Tensor<double, Device> y;
    Tensor<double, Reference> same_y;
    here_net.forward({.context = context, .mode = Mode::infer}, x, y, nullptr);
#if !defined(__CUDACC__)
    (void)stand_in::take_counts();
    here_net.forward({.context = context, .mode = Mode::infer}, x, y, nullptr);
    CHECK(stand_in::take_counts().queued == 2);  // the product is the other
#endif
    there_net.forward({.context = reference, .mode = Mode::infer}, same_x, same_y, nullptr);
    Tensor<double> a, b;
    convert(y, a), convert(same_y, b);
    CHECK(difference(a, b) < 1e-14);
  };
  same(initialised(Sequential{Dense{6, 8}, LeakyReLU{0.2}}), {3, 6});
  same(initialised(Sequential{Dense{6, 5, {.init = Init::normal(1)}}, Tanh{}}), {3, 6});  // rows of no whole vectors
  same(initialised(Sequential{Dense{6, 8, {.bias = false}}, Sigmoid{}}), {3, 6});
}

TEST_CASE("losses and optimisers of a GPU are those of the Reference device") {
  Context<Device> context;
  Context<Reference> reference;
  const auto logits = random_tensor<double, Device>({37, 2}, 1);
  Tensor<double, Reference> same_logits;
  convert(logits, same_logits);
  const auto compare = [&](auto&& evaluate) {
    Tensor<double, Device> here;
    Tensor<double, Reference> there;
    CHECK(evaluate(context, logits, here) == doctest::Approx(evaluate(reference, same_logits, there)).epsilon(1e-13));
    Tensor<double> a, b;
    convert(here, a), convert(there, b);
    CHECK(difference(a, b) < 1e-14);
  };
  compare([](auto& c, const auto& l, auto& d) { return evaluate_loss<LossTerm::real>(c, NonSaturating{}, l, d); });
  compare([](auto& c, const auto& l, auto& d) { return evaluate_loss<LossTerm::fake>(c, Minimax{}, l, d); });
  compare([](auto& c, const auto& l, auto& d) { return evaluate_loss<LossTerm::generator>(c, Minimax{}, l, d) + mean_probability(c, l); });
  compare([](auto& c, const auto& l, auto& d) { return evaluate_loss<LossTerm::real>(c, Hinge{}, l, d); });
  compare([](auto& c, const auto& l, auto& d) { return evaluate_loss<LossTerm::fake>(c, LeastSquares{}, l, d); });
  compare([](auto& c, const auto& l, auto& d) { return evaluate_loss<LossTerm::generator>(c, Wasserstein{}, l, d); });
  compare([](auto& c, const auto& l, auto& d) { return RelativisticAverage{}.generator(c, l, l, d); });

  const auto after_ten_steps = [](auto& c, const auto& rule) {
    using D = typename std::remove_cvref_t<decltype(c.template scratch<double>(1).tensor({1}))>;
    D theta = D::filled({50}, 1);
    using Dev = std::conditional_t<std::is_same_v<D, Tensor<double, Reference>>, Reference, Device>;
    Optimizer<double, Dev> optimizer(rule, 50);
    for (std::uint64_t step = 0; step < 10; ++step) optimizer.step(c, theta, random_tensor<double, Dev>({50}, step), 0.9);
    Tensor<double> values;
    convert(theta, values);
    return values;
  };
  CHECK(difference(after_ten_steps(context, Adam{}), after_ten_steps(reference, Adam{})) < 1e-14);
  CHECK(difference(after_ten_steps(context, RmsProp{.learning_rate = 1e-2}), after_ten_steps(reference, RmsProp{.learning_rate = 1e-2})) < 1e-14);
  CHECK(difference(after_ten_steps(context, Sgd{}), after_ten_steps(reference, Sgd{})) < 1e-14);

  Dense<double, Device> dense{3, 2};
  Ema<Dense<double, Device>> average(dense, 0.75);
  dense = initialised(dense);
  average.update(context, dense);
  const auto moved = state_of(average.network(), "weight"), value = state_of(dense, "weight");
  for (std::size_t i = 0; i < value.size(); ++i) CHECK(moved[i] == 0.25 * value[i]);
}
