// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/fusion.hpp"

#include "counting_device.hpp"
#include "nash/nn/layers.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

/// A layer whose fusions are counted.
struct CountedNorm : BatchNorm<double> {
  using BatchNorm<double>::BatchNorm;
  static inline int forwards = 0, backwards = 0;
};

struct CountedConv : Conv2d<double> {
  using Conv2d<double>::Conv2d;
  static inline int forwards = 0;
};

struct CountedDense : Dense<double> {
  using Dense<double>::Dense;
  static inline int forwards = 0, backwards = 0, tangents = 0;
};

}  // namespace

template <class A>
  requires std::same_as<A, Tanh<double>> || std::same_as<A, LeakyReLU<double>>
struct nash::Fusion<CountedDense, A> : nash::Fusion<Dense<double>, A> {
  template <class... Arguments>
  static void forward(Arguments&&... arguments) {
    ++CountedDense::forwards;
    nash::Fusion<Dense<double>, A>::forward(arguments...);
  }
  template <class... Arguments>
  static void tangent(Arguments&&... arguments) {
    ++CountedDense::tangents;
    nash::Fusion<Dense<double>, A>::tangent(arguments...);
  }
};

template <class A>
  requires std::same_as<A, Tanh<double>> || std::same_as<A, LeakyReLU<double>>
struct nash::Fusion<A, CountedDense> : nash::Fusion<A, Dense<double>> {
  template <class... Arguments>
  static void backward(Arguments&&... arguments) {
    ++CountedDense::backwards;
    nash::Fusion<A, Dense<double>>::backward(arguments...);
  }
};

template <>
struct nash::Fusion<CountedConv, Tanh<double>> : nash::Fusion<Conv2d<double>, Tanh<double>> {
  template <class... Arguments>
  static void forward(Arguments&&... arguments) {
    ++CountedConv::forwards;
    nash::Fusion<Conv2d<double>, Tanh<double>>::forward(arguments...);
  }
};

template <>
struct nash::Fusion<CountedNorm, ReLU<double>> : nash::Fusion<BatchNorm<double>, ReLU<double>> {
  using Pair = nash::Fusion<BatchNorm<double>, ReLU<double>>;
  template <class... Arguments>
  static void forward(Arguments&&... arguments) {
    ++CountedNorm::forwards;
    Pair::forward(arguments...);
  }
  template <class... Arguments>
  static void backward(Arguments&&... arguments) {
    ++CountedNorm::backwards;
    Pair::backward(arguments...);
  }
};

namespace {

/// Every place in which a pair may stand: first, in the middle, last; and with every activation that there is a slope of.
auto fusible_network() {
  return Sequential{Conv2d<double>{2, 2, {.kernel = 3, .padding = 1}}, LeakyReLU<double>{0.1}, BatchNorm<double>{2},  ReLU<double>{},
                    Conv2d<double>{2, 5, {.kernel = 3, .stride = 2, .padding = 1}}, BatchNorm<double>{5}, LeakyReLU<double>{0.2},
                    ConvTranspose2d<double>{5, 3, {.kernel = 2, .stride = 2}}, BatchNorm<double>{3}, Tanh<double>{},
                    Flatten<double>{}, BatchNorm<double>{48}, Softplus<double>{}, Dense<double>{48, 7}, BatchNorm<double>{7}, Sigmoid<double>{},
                    Dense<double>{7, 16}, Softplus<double>{}, Reshape<double>{2, 2, 4}, ConvTranspose2d<double>{4, 2, {.kernel = 4, .stride = 2, .padding = 1}}, Tanh<double>{}};
}

struct Results {
  std::vector<double> y, y_unsaved, dx, dx_alone, gradients, running;
};

template <class L>
Results run(L layer, Mode mode, bool fused) {
  Context<Cpu> context(1);
  initialise(context, layer, RandomStream(3));
  FlatParameters<double, Cpu> flat(layer);
  const auto x = random_tensor({6, 4, 4, 2}, 4);
  Pass<Cpu> pass{context, mode, RandomStream(9)};
  pass.fused = fused;
  typename L::Saved saved;
  Tensor<double> y, unsaved, dx, alone;
  layer.forward(pass, x, y, &saved);
  layer.forward(pass, x, unsaved, nullptr);
  const auto dy = random_tensor(y.shape(), 5);
  auto gradients = Tensor<double>::zeros({count_parameters(layer)});
  Gradients<double, Cpu> grads(gradients);
  layer.backward(pass, x, y, saved, dy, &dx, &grads);
  layer.backward(pass, x, y, saved, dy, &alone, nullptr);
  layer.commit(context, saved);
  Results results{y.to_host(), unsaved.to_host(), dx.to_host(), alone.to_host(), gradients.to_host(), {}};
  L::visit_state(layer, [&](const StateName&, auto& state) {
    for (const double value : state.value().to_host()) results.running.push_back(value);
  });
  return results;
}

void check_same(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("neighbours that run as one give what they give one after the other") {
  for (const Mode mode : {Mode::train, Mode::infer}) {
    CAPTURE(mode == Mode::train);
    const Results fused = run(fusible_network(), mode, true), apart = run(fusible_network(), mode, false);
    check_same(fused.y, apart.y);
    check_same(fused.y_unsaved, apart.y);
    check_same(fused.dx, apart.dx);
    check_same(fused.dx_alone, apart.dx);
    check_same(fused.gradients, apart.gradients);
    check_same(fused.running, apart.running);
  }
}

TEST_CASE("neighbours in a network that was put together at run time run as one too: they give the same bits as in a static one") {
  const auto at_run_time = LayerRegistry<double>::standard().build_network(fusible_network().describe());
  for (const Mode mode : {Mode::train, Mode::infer})
    for (const bool fused : {true, false}) {
      CAPTURE(mode == Mode::train);
      CAPTURE(fused);
      const Results known = run(fusible_network(), mode, fused), found = run(at_run_time, mode, fused);
      CHECK(found.y == known.y);
      CHECK(found.y_unsaved == known.y_unsaved);
      CHECK(found.dx == known.dx);
      CHECK(found.dx_alone == known.dx_alone);
      CHECK(found.gradients == known.gradients);
      CHECK(found.running == known.running);
    }
}

TEST_CASE("they do run as one, unless the pass says not to or is of second order") {
  Sequential layer{Dense<double>{3, 4}, CountedNorm{4}, ReLU<double>{}, Dense<double>{4, 2}};
  Context<Cpu> context(1);
  initialise(context, layer, RandomStream(3));
  const auto x = random_tensor({6, 3}, 4), dy = random_tensor({6, 2}, 5);
  const auto counts = [&](bool fused, bool second_order, Mode mode) {
    CountedNorm::forwards = CountedNorm::backwards = 0;
    Pass<Cpu> pass{context, mode};
    pass.fused = fused, pass.second_order = second_order;
    decltype(layer)::Saved saved;
    Tensor<double> y, dx;
    layer.forward(pass, x, y, &saved);
    layer.forward(pass, x, y, nullptr);
    layer.backward(pass, x, y, saved, dy, &dx, nullptr);
    return std::pair(CountedNorm::forwards, CountedNorm::backwards);
  };
  CHECK(counts(true, false, Mode::train) == std::pair(2, 1));
  CHECK(counts(true, false, Mode::infer) == std::pair(2, 0));  // only training's backward passes have a pair's
  CHECK(counts(false, false, Mode::train) == std::pair(0, 0));
  CHECK(counts(true, true, Mode::train) == std::pair(0, 0));
}

namespace {

/// Activations before, between and after layers that they run as one with, curved ones and piecewise linear ones, and one that comes first.
auto curved_network() {
  return Sequential{LeakyReLU<double>{0.3}, Conv2d<double>{2, 4, {.kernel = 3, .stride = 2, .padding = 1}}, LeakyReLU<double>{0.2},
                    ConvTranspose2d<double>{4, 3, {.kernel = 4, .stride = 2, .padding = 1}}, Softplus<double>{},
                    Conv2d<double>{3, 2, {.kernel = 3, .padding = 1}}, ReLU<double>{}, Dropout<double>{0.3}, Flatten<double>{},
                    Dense<double>{32, 9}, Tanh<double>{}, Dense<double>{9, 8}, LeakyReLU<double>{0.1}, Dense<double>{8, 5}, ReLU<double>{}};
}

struct SecondOrder {
  std::vector<double> y, dx, y_tangent, x_bar, gradients, first_order_tangent;
};

template <class L>
SecondOrder run_second_order(L layer, bool fused, bool wants_dx) {
  Context<Cpu> context(1);
  initialise(context, layer, RandomStream(3));
  FlatParameters<double, Cpu> flat(layer);
  const auto x = random_tensor({6, 4, 4, 2}, 4), x_tangent = random_tensor({6, 4, 4, 2}, 6);
  Pass<Cpu> pass{context, Mode::train, RandomStream(9)};
  pass.fused = fused, pass.second_order = true;
  typename L::Saved saved;
  Tensor<double> y, dx, y_tangent, plain_tangent, plain_y;
  auto gradients = Tensor<double>::zeros({count_parameters(layer)}), x_bar = Tensor<double>::zeros(x.shape());
  Gradients<double, Cpu> grads(gradients);
  for (int time = 0; time < 2; ++time) {  // what a pass leaves behind does not matter to the next
    layer.forward(pass, x, y, &saved);
    const auto dy = random_tensor(y.shape(), 5);
    layer.backward(pass, x, y, saved, dy, wants_dx ? &dx : nullptr, nullptr);
    layer.tangent(pass, x, y, saved, x_tangent, y_tangent);
    layer.tangent_backward(pass, x, y, saved, x_tangent, dy, &x_bar, &grads);
  }
  layer.forward(pass.first_order(), x, plain_y, &saved);
  layer.tangent(pass.first_order(), x, plain_y, saved, x_tangent, plain_tangent);
  return {y.to_host(), dx.to_host(), y_tangent.to_host(), x_bar.to_host(), gradients.to_host(), plain_tangent.to_host()};
}

}  // namespace

TEST_CASE("in passes of second order, too, neighbours that run as one give what they give one after the other") {
  const auto compare = [](const SecondOrder& fused, const SecondOrder& apart) {
    check_same(fused.y, apart.y);
    check_same(fused.dx, apart.dx);
    check_same(fused.y_tangent, apart.y_tangent);
    check_same(fused.x_bar, apart.x_bar);
    check_same(fused.gradients, apart.gradients);
    check_same(fused.first_order_tangent, apart.y_tangent);
  };
  for (const bool wants_dx : {true, false}) {
    const SecondOrder apart = run_second_order(curved_network(), false, wants_dx);
    compare(run_second_order(curved_network(), true, wants_dx), apart);
    compare(run_second_order(LayerRegistry<double>::standard().build_network(curved_network().describe()), true, wants_dx), apart);
    CHECK(std::any_of(apart.x_bar.begin(), apart.x_bar.end(), [](double value) { return value != 0; }));
  }
  Sequential first{LeakyReLU<double>{0.2}, Flatten<double>{}, Dense<double>{32, 3}};
  compare(run_second_order(first, true, true), run_second_order(first, false, true));
}

TEST_CASE("passes of second order run a layer as one with activations that are piecewise linear, and not with curved ones") {
  const auto counts = [](auto activation, bool fused, bool second_order) {
    Sequential layer{CountedDense{3, 4}, activation, CountedDense{4, 2}};
    Context<Cpu> context(1);
    initialise(context, layer, RandomStream(3));
    const auto x = random_tensor({6, 3}, 4), dy = random_tensor({6, 2}, 5);
    CountedDense::forwards = CountedDense::backwards = CountedDense::tangents = 0;
    Pass<Cpu> pass{context, Mode::train};
    pass.fused = fused, pass.second_order = second_order;
    typename decltype(layer)::Saved saved;
    Tensor<double> y, dx, y_tangent;
    layer.forward(pass, x, y, &saved);
    layer.backward(pass, x, y, saved, dy, &dx, nullptr);
    layer.tangent(pass, x, y, saved, x, y_tangent);
    return std::array{CountedDense::forwards, CountedDense::backwards, CountedDense::tangents};
  };
  CHECK(counts(LeakyReLU<double>{0.2}, true, true) == std::array{1, 1, 1});
  CHECK(counts(LeakyReLU<double>{0.2}, true, false) == std::array{1, 1, 1});
  CHECK(counts(LeakyReLU<double>{0.2}, false, true) == std::array{0, 0, 0});
  CHECK(counts(Tanh<double>{}, true, true) == std::array{0, 0, 0});
  CHECK(counts(Tanh<double>{}, true, false) == std::array{1, 1, 1});
}

TEST_CASE("a convolution and its activation run as one on the way forward, last in the network too where nothing is saved") {
  Sequential layer{CountedConv{2, 3, {.kernel = 3, .padding = 1}}, Tanh<double>{}, Conv2d<double>{3, 2, {.kernel = 1}}};
  Sequential last{CountedConv{2, 3, {.kernel = 3, .padding = 1}}, Tanh<double>{}};
  Context<Cpu> context(1);
  initialise(context, layer, RandomStream(3)), initialise(context, last, RandomStream(3));
  const auto x = random_tensor({2, 5, 4, 2}, 4);
  const auto count = [&](auto& network, bool fused, bool second_order, bool save) {
    CountedConv::forwards = 0;
    Pass<Cpu> pass{context, Mode::train};
    pass.fused = fused, pass.second_order = second_order;
    typename std::remove_reference_t<decltype(network)>::Saved saved;
    Tensor<double> y;
    network.forward(pass, x, y, save ? &saved : nullptr);
    return CountedConv::forwards;
  };
  CHECK(count(layer, true, false, true) == 1);
  CHECK(count(layer, true, false, false) == 1);
  CHECK(count(last, true, false, false) == 1);
  CHECK(count(last, true, false, true) == 0);  // between the two lies a tensor of its own
  CHECK(count(layer, false, false, true) == 0);
  CHECK(count(layer, true, true, true) == 0);
}

namespace {

/// y = w·x for each value, by someone who knows nothing of epilogues.
class Gain : public AffineLayer<Gain, double, Cpu> {
  using Base = AffineLayer<Gain, double, Cpu>;

 public:
  Gain() : Base(Shape{1}, Init::ones(), {}, 1, false) {}
  Shape output_shape(const Shape& x) const { return x; }
  LayerDescription describe() const { return LayerDescription("Gain"); }

 private:
  friend Base;
  void multiply(Context<Cpu>&, const Tensor<double>& x, const double* w, const double*, Tensor<double>& y) const {
    for (index_t i = 0; i < x.count(); ++i) y.data()[i] = w[0] * x.data()[i];
  }
  void multiply_transposed(Context<Cpu>&, const Tensor<double>& dy, const double* w, Tensor<double>& dx) const {
    for (index_t i = 0; i < dy.count(); ++i) dx.data()[i] = w[0] * dy.data()[i];
  }
  void accumulate_weights(Context<Cpu>&, const Tensor<double>& x, const Tensor<double>& dy, GradientPlace<double> dw) const {
    if (!dw.adds) *dw.values = 0;
    for (index_t i = 0; i < x.count(); ++i) *dw.values += x.data()[i] * dy.data()[i];
  }
};

}  // namespace

namespace {

/// An activation by its function, but with a slope that is trained: its backward has more to do than its slope says.
class ScalarPrelu : public LayerDefaults<double, Cpu> {
 public:
  static constexpr Reads reads{.input = true, .output = true};

  Shape output_shape(const Shape& x) const { return x; }
  LeakyReluFunction<double> function() const { return LeakyReLU<double>{slope_.data()[0]}.function(); }

  void forward(const Pass<Cpu>& pass, const Tensor<double>& x, Tensor<double>& y, NoSaved*) const {
    y.resize(x.shape());
    pointwise(pass.context, x.count(), Activate<double, LeakyReluFunction<double>>{function(), x.data(), y.data()});
  }
  void backward(const Pass<Cpu>& pass, const Tensor<double>& x, const Tensor<double>& y, NoSaved&, const Tensor<double>& dy, Tensor<double>* dx,
                Gradients<double, Cpu>* grads) const {
    for (index_t i = 0; grads != nullptr && i < x.count(); ++i) *grads->of(slope_) += std::min(x.data()[i], 0.0) * dy.data()[i];
    if (dx == nullptr) return;
    dx->resize(x.shape());
    pointwise(pass.context, x.count(), ActivationJacobian<double, LeakyReluFunction<double>>{function(), y.data(), dy.data(), dx->data()});
  }
  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    visit("slope", self.slope_);
  }
  LayerDescription describe() const { return LayerDescription("ScalarPrelu"); }

 private:
  Parameter<double, Cpu> slope_{Shape{1}, Init::constant(0.3)};
};

}  // namespace

TEST_CASE("a user's activation with a parameter goes back by itself, and has its gradient") {
  const auto fusible_network = [] { return Sequential{Dense<double>{32, 6}, ScalarPrelu{}, Dense<double>{6, 3}, ScalarPrelu{}, Dense<double>{3, 2}}; };
  const auto flat_input = [](auto inner) { return Sequential{Flatten<double>{}, std::move(inner)}; };
  const Results fused = run(flat_input(fusible_network()), Mode::train, true), apart = run(flat_input(fusible_network()), Mode::train, false);
  check_same(fused.dx, apart.dx);
  check_same(fused.gradients, apart.gradients);
}

TEST_CASE("a user's affine layer that knows no epilogues runs on its own, and the activation after it too") {
  static_assert(!Fusion<Gain, Tanh<double>>::exists && Fusion<Dense<double>, Tanh<double>>::exists);
  Sequential layer{Gain{}, Tanh<double>{}};
  Context<Cpu> context(1);
  initialise(context, layer, RandomStream(3));
  Tensor<double> y;
  layer.forward({context, Mode::train}, tensor<double>({1, 2}, {0.5, -2}), y, nullptr);
  CHECK(y.data()[0] == doctest::Approx(std::tanh(0.5)));
  CHECK(y.data()[1] == doctest::Approx(std::tanh(-2)));
}

TEST_CASE("a pair's errors tell the layer that they are of") {
  Sequential layer{Dense<double>{3, 4}, BatchNorm<double>{5}, ReLU<double>{}};
  Context<Cpu> context(1);
  initialise(context, layer, RandomStream(3));
  Tensor<double> y;
  try {
    layer.forward({context, Mode::train}, random_tensor({6, 3}, 4), y, nullptr);
    FAIL("no error");
  } catch (const ShapeError& error) {
    CHECK(std::string(error.what()).find("BatchNorm (layer 1): expected N×…×5 values, got 6×4") == 0);
  }
}

TEST_CASE("a pair passes over memory once less in each direction, be the network static or put together at run time") {
  const auto passes = [](auto layer, bool fused) {
    Context<Counting> context(1);
    initialise(context, layer, RandomStream(3));
    const auto x = random_tensor<float, Counting>({6, 3}, 4), dy = random_tensor<float, Counting>({6, 2}, 5);
    Pass<Counting> pass{context, Mode::train};
    pass.fused = fused;
    typename decltype(layer)::Saved saved;
    Tensor<float, Counting> y, dx;
    std::vector<std::string> lines;
    const auto note = [&] { lines.push_back(sorted_lines(passes_of(context.take_calls(), 6 * 40))); };
    (void)context.take_calls();
    layer.forward(pass, x, y, &saved), note();
    layer.forward(pass, x, y, nullptr), note();
    layer.backward(pass, x, y, saved, dy, &dx, nullptr), note();
    return lines;
  };
  const std::string statistics = "CentredSquares\nColumnValue\n";
  const std::vector<std::string> one{statistics + "Normalize\n", statistics + "Normalize\n", "NormalizeJacobian\nNormalizedSums\n"};
  const std::vector<std::string> apart{"Activate\n" + statistics + "Normalize\n", "Activate\n" + statistics + "Normalize\n",
                                       "ActivationJacobian\nNormalizeJacobian\nNormalizedSums\n"};
  using Dense = Dense<float, Counting>;
  using BatchNorm = BatchNorm<float, Counting>;
  const auto check = [&](auto activation) {
    const Sequential layer{Dense{3, 40}, BatchNorm{40}, activation, Dense{40, 2}};
    const AnySequential<float, Counting> any({Dense{3, 40}, BatchNorm{40}, activation, Dense{40, 2}});
    CHECK(passes(layer, true) == one);
    CHECK(passes(layer, false) == apart);
    CHECK(passes(any, true) == one);
    CHECK(passes(any, false) == apart);
    const auto copy = any;
    CHECK(passes(copy, true) == one);
  };
  check(LeakyReLU<float, Counting>{0.2});
  check(ReLU<float, Counting>{});
  check(Sigmoid<float, Counting>{});
  check(Softplus<float, Counting>{});
  check(Tanh<float, Counting>{});
}
