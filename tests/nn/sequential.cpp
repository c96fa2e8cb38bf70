// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/sequential.hpp"

#include "nash/nn/layers.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

/// A network in which every rule about running in place meets a case: layers in a row that may, after ones that read their
/// output, after ones that do not, around a nested network and a skip.
auto mixed_network() {
  return Sequential{Conv2d<double>{1, 3, {.kernel = 3, .padding = 1}}, Dropout<double>{0.3}, LeakyReLU<double>{0.2}, Dropout<double>{0.3},
                    Sequential{BatchNorm<double>{3}, ReLU<double>{}, Dropout<double>{0.2}}, Tanh<double>{}, Flatten<double>{},
                    Residual{Sequential{Dense<double>{48, 48}, Softplus<double>{}}}, Sigmoid<double>{}, Dropout<double>{0.1},
                    Maxout<double>{48, 4, {.pieces = 2}}, LeakyReLU<double>{0.1}};
}

template <class L>
struct Run {
  std::vector<double> y, y_unsaved, dx, dx_alone, gradients, gradients_alone;

  Run(L layer, const Shape& shape, bool second_order) {
    Context<Cpu> context(1);
    initialise(context, layer, RandomStream(3));
    FlatParameters<double, Cpu> flat(layer);
    refresh(context, layer);
    const auto x = random_tensor(shape, 4);
    const Pass<Cpu> pass{context, Mode::train, RandomStream(9), second_order};
    typename L::Saved saved;
    Tensor<double> out, unsaved, d, alone;
    layer.forward(pass, x, out, &saved);
    layer.forward(pass, x, unsaved, nullptr);
    const auto dy = random_tensor(out.shape(), 5);
    auto g = Tensor<double>::zeros({count_parameters(layer)}), g_alone = g;
    Gradients<double, Cpu> grads(g), grads_alone(g_alone);
    layer.backward(pass, x, out, saved, dy, &d, &grads);
    layer.backward(pass, x, out, saved, dy, &alone, nullptr);
    layer.backward(pass, x, out, saved, dy, nullptr, &grads_alone);
    y = out.to_host(), y_unsaved = unsaved.to_host(), dx = d.to_host(), dx_alone = alone.to_host();
    gradients = g.to_host(), gradients_alone = g_alone.to_host();
  }
};

/// What a class template that builds a network has to spell.
template <class T>
class Player {
 public:
  auto make() const { return Sequential{Dense<T>{2, 3}, Tanh<T>{}}; }
  decltype(Sequential{Dense<T>{2, 3}, Tanh<T>{}}) network{Dense<T>{2, 3}, Tanh<T>{}};
};

/// A class template that derives from a network and wraps others: the injected name means the class itself.
template <class... Layers>
class Extended : public Sequential<Layers...> {
 public:
  using Sequential<Layers...>::Sequential;
  auto wrapped() const { return nash::Sequential<Extended>(*this); }
};

/// Counts what is asked of it.
struct CountsBackwards : Identity<double> {
  explicit CountsBackwards(int& count) : backwards(&count) {}
  void backward(const Pass<Cpu>& pass, const Tensor<double>& x, const Tensor<double>& y, NoSaved& saved, const Tensor<double>& dy,
                Tensor<double>* dx, Gradients<double, Cpu>* grads) const {
    ++*backwards;
    with_dx += dx != nullptr;
    Identity<double>::backward(pass, x, y, saved, dy, dx, grads);
  }
  int* backwards;
  static inline int with_dx = 0;
};

}  // namespace

TEST_CASE("Sequential has the derivatives that its layers say") {
  check_derivatives(Sequential{Dense<double>{3, 4}, Tanh<double>{}, Dense<double>{4, 2}}, {5, 3});
  check_derivatives(Sequential{Dense<double>{3, 2}}, {5, 3});
  check_derivatives(Sequential{Tanh<double>{}, Softplus<double>{}, Dense<double>{3, 2}, Dropout<double>{0.3}, Sigmoid<double>{}}, {5, 3});
}

TEST_CASE("nested networks have the derivatives that their layers say") {
  check_derivatives(Sequential{Dense<double>{3, 4},
                               Residual{Sequential{Sequential{Tanh<double>{}}, Dense<double>{4, 4}, Residual{Softplus<double>{}}},
                                        Dense<double>{4, 4, {.bias = false}}},
                               Sequential{LeakyReLU<double>{0.2}, Dense<double>{4, 1}}},
                    {4, 3});
  check_derivatives(mixed_network(), {3, 4, 4, 1}, {.elements = 24});
}

TEST_CASE("running in place corrupts nothing: a pass of second order, which never does, gives the same bits") {
  const Run in_place(mixed_network(), {4, 4, 4, 1}, false), apart(mixed_network(), {4, 4, 4, 1}, true);
  CHECK(in_place.y == apart.y);
  CHECK(in_place.dx == apart.dx);
  CHECK(in_place.gradients == apart.gradients);
  for (const auto* run : {&in_place, &apart}) {
    CHECK(run->y_unsaved == run->y);
    CHECK(run->dx_alone == run->dx);
    CHECK(run->gradients_alone == run->gradients);
  }
}

TEST_CASE("saved state is fit for use with other batch sizes and other kinds of pass") {
  auto layer = initialised(mixed_network());
  Context<Cpu> context(1);
  decltype(layer)::Saved used, fresh;
  Tensor<double> y, dx;
  for (const auto& [samples, second_order] : {std::pair{5, true}, std::pair{2, false}, std::pair{7, false}, std::pair{3, true}}) {
    const Pass<Cpu> pass{context, Mode::train, RandomStream(1), second_order};
    const auto x = random_tensor({samples, 4, 4, 1});
    layer.forward(pass, x, y, &used);
    layer.backward(pass, x, y, used, y, &dx, nullptr);
    const auto first = dx.to_host();
    fresh = {};
    layer.forward(pass, x, y, &fresh);
    layer.backward(pass, x, y, fresh, y, &dx, nullptr);
    CHECK(dx.to_host() == first);
  }
}

TEST_CASE("several passes are alive at once") {
  auto layer = initialised(mixed_network());
  Context<Cpu> context(1);
  const Pass<Cpu> real{context, Mode::train, RandomStream(1)}, fake{context, Mode::train, RandomStream(2)};
  const auto x_real = random_tensor({3, 4, 4, 1}, 1), x_fake = random_tensor({3, 4, 4, 1}, 2);
  decltype(layer)::Saved saved_real, saved_fake;
  Tensor<double> y_real, y_fake, dx, dx_later;
  layer.forward(real, x_real, y_real, &saved_real);
  layer.backward(real, x_real, y_real, saved_real, y_real, &dx, nullptr);
  layer.forward(fake, x_fake, y_fake, &saved_fake);
  layer.backward(real, x_real, y_real, saved_real, y_real, &dx_later, nullptr);
  CHECK(dx_later.to_host() == dx.to_host());
}

TEST_CASE("a Sequential of one Sequential is that, not a copy of it") {
  const Sequential inner{Dense<double>{2, 2}, Tanh<double>{}};
  const Sequential outer{inner};
  static_assert(std::is_same_v<std::remove_const_t<decltype(outer)>, Sequential<Sequential<Dense<double>, Tanh<double>>>>);
  static_assert(std::is_same_v<decltype(Sequential{Sequential{ReLU{}}}), Sequential<Sequential<ReLU<float>>>>);
  const auto copy = inner;
  static_assert(std::is_same_v<decltype(copy), decltype(inner)>);
  std::string names;
  for_each_parameter(outer, [&](const std::string& name, const auto&) { names += name + " "; });
  CHECK(names == "0.0.weight 0.0.bias ");
}

TEST_CASE("networks are spelled without brackets, within class templates too") {
  static_assert(std::is_same_v<decltype(Sequential{Conv2d{1, 64, {.kernel = 4, .stride = 2, .padding = 1}}, BatchNorm{64}, LeakyReLU{0.2}, Dense{12544, 1}}),
                               Sequential<Conv2d<float>, BatchNorm<float>, LeakyReLU<float>, Dense<float>>>);
  static_assert(std::is_same_v<decltype(Residual{Sequential{ReLU{}}, Identity{}}), Residual<Sequential<ReLU<float>>, Identity<float>>>);
  static_assert(std::is_same_v<decltype(SpectralNorm{Dense{3, 4}}), SpectralNorm<Dense<float>>>);
  const Player<double> player;
  static_assert(std::is_same_v<decltype(player.make()), std::remove_const_t<decltype(player.network)>>);
  const Extended<Dense<double>, ReLU<double>> extended(Dense<double>{2, 3}, ReLU<double>{});
  CHECK(extended.wrapped().output_shape({4, 2}) == Shape{4, 3});
}

TEST_CASE("parameters have dotted names, in order, and offsets that follow one another") {
  Sequential net{Dense{2, 3}, ReLU{}, Sequential{BatchNorm{3}, Residual{Dense{3, 3, {.bias = false}}}}};
  const FlatParameters<float, Cpu> flat(net);
  std::vector<std::string> names, buffers;
  index_t offset = 0;
  for_each_parameter(net, [&](const std::string& name, const auto& parameter) {
    names.push_back(name);
    CHECK(parameter.offset() == offset);
    CHECK(parameter.data() == flat.values().data() + offset);
    offset += parameter.count();
  });
  for_each_buffer(net, [&](const std::string& name, const auto&) { buffers.push_back(name); });
  CHECK(names == std::vector<std::string>{"0.weight", "0.bias", "2.0.weight", "2.0.bias", "2.1.body.weight"});
  CHECK(buffers == std::vector<std::string>{"2.0.running_mean", "2.0.running_var"});
  CHECK(offset == flat.values().count());
  CHECK(count_parameters(net) == 6 + 3 + 3 + 3 + 9);
}

TEST_CASE("a copy has parameters of its own and is not bound; a moved network stays bound") {
  auto net = initialised(Sequential{Dense<double>{2, 2}, Tanh<double>{}});
  FlatParameters<double, Cpu> flat(net);
  const auto x = random_tensor({3, 2});
  const auto before = output_of(net, x).to_host();
  const auto copy = net;
  for_each_parameter(copy, [](const std::string&, const auto& parameter) { CHECK(parameter.offset() == -1); });
  CHECK(output_of(copy, x).to_host() == before);

  auto moved = std::move(net);
  std::fill(flat.values().begin(), flat.values().end(), 0.0);
  CHECK(output_of(moved, x).to_host() == std::vector<double>(6, 0.0));
  CHECK(output_of(copy, x).to_host() == before);

  auto assigned = Sequential{Dense<double>{2, 2}, Tanh<double>{}};
  const FlatParameters<double, Cpu> others(assigned);
  assigned = copy;
  for_each_parameter(assigned, [](const std::string&, const auto& parameter) { CHECK(parameter.offset() == -1); });
  CHECK(output_of(assigned, x).to_host() == before);
}

TEST_CASE("backward does only what is asked for") {
  int first = 0, middle = 0, last = 0;
  const auto run = [&](bool want_dx, bool want_gradients) {
    Sequential net{CountsBackwards(first), Dense<double>{3, 3}, CountsBackwards(middle), Dense<double>{3, 2}, CountsBackwards(last)};
    const FlatParameters<double, Cpu> flat(net);
    Context<Cpu> context(1);
    decltype(net)::Saved saved;
    Tensor<double> y, dx, g = Tensor<double>::zeros({count_parameters(net)});
    Gradients<double, Cpu> gradients(g);
    const auto x = random_tensor({2, 3});
    first = middle = last = CountsBackwards::with_dx = 0;
    net.forward({context}, x, y, &saved);
    net.backward({context}, x, y, saved, y, want_dx ? &dx : nullptr, want_gradients ? &gradients : nullptr);
    return std::array{first, middle, last, CountsBackwards::with_dx};
  };
  CHECK(run(true, true) == std::array{1, 1, 1, 3});
  CHECK(run(true, false) == std::array{1, 1, 1, 3});
  CHECK(run(false, true) == std::array{0, 1, 1, 2});   // nothing before the first weights
  CHECK(run(false, false) == std::array{0, 0, 0, 0});
}

TEST_CASE("the first layer with weights is told not to compute dx") {
  struct Probe : Dense<double> {
    Probe(bool& flag) : Dense<double>(2, 2), asked(&flag) {}
    void backward(const Pass<Cpu>& pass, const Tensor<double>& x, const Tensor<double>& y, NoSaved& saved, const Tensor<double>& dy,
                  Tensor<double>* dx, Gradients<double, Cpu>* grads) const {
      *asked = dx != nullptr;
      Dense<double>::backward(pass, x, y, saved, dy, dx, grads);
    }
    bool* asked;
  };
  bool asked = true;
  Sequential net{Dropout<double>{0.5}, Probe(asked), Tanh<double>{}};
  const FlatParameters<double, Cpu> flat(net);
  Context<Cpu> context(1);
  decltype(net)::Saved saved;
  Tensor<double> y, g = Tensor<double>::zeros({6});
  Gradients<double, Cpu> gradients(g);
  const auto x = random_tensor({2, 2});
  net.forward({context}, x, y, &saved);
  net.backward({context}, x, y, saved, y, nullptr, &gradients);
  CHECK_FALSE(asked);
}

TEST_CASE("errors say which layer they come from, in every kind of pass") {
  const Sequential net{Dense{4, 6}, ReLU{}, Sequential{Reshape{1, 2, 3}, BatchNorm{4}}};
  const std::string expected =
      "BatchNorm (layer 1 of layer 2): expected N×…×4 values, got 5×1×2×3.\nBuild BatchNorm{3} or change the layer before it.";
  Context<Cpu> context(1);
  const auto x = random_tensor<float>({5, 4});
  Tensor<float> y;
  decltype(net)::Saved saved;
  CHECK(message_of<ShapeError>([&] { net.output_shape({5, 4}); }) == expected);
  CHECK(message_of<ShapeError>([&] { net.forward({context}, x, y, nullptr); }) == expected);
  CHECK(message_of<ShapeError>([&] { net.forward({context}, x, y, &saved); }) == expected);
  CHECK(message_of<ShapeError>([&] { net.output_shape({5, 3}); }) ==
        "Dense (layer 0): expected N×4 inputs, got 5×3.\nBuild Dense{3, 6} or change the layer before it.");

  const auto small = initialised(Sequential{Dense{2, 3}, BatchNorm{3}, Tanh{}});
  const std::string few = message_of<ShapeError>([&] { output_of(small, random_tensor<float>({1, 2}), Mode::train); });
  CHECK(few.find("BatchNorm (layer 1): expected at least two values a channel in training, got 1 (input 1×3).") == 0);
}

TEST_CASE("a network takes another batch after an error") {
  auto layer = initialised(Sequential{Dense<double>{2, 3}, BatchNorm<double>{3}, Tanh<double>{}});
  Context<Cpu> context(1);
  decltype(layer)::Saved saved;
  Tensor<double> y;
  CHECK_THROWS_AS(layer.forward({context, Mode::train}, random_tensor({1, 2}), y, &saved), ShapeError);
  layer.forward({context, Mode::train}, random_tensor({4, 2}), y, &saved);
  CHECK(difference(y, output_of(layer, random_tensor({4, 2}), Mode::train)) == 0);
}

TEST_CASE("traits of a network are those of its layers together") {
  using Plain = decltype(Sequential{Dense{2, 2}, ReLU{}});
  using Curved = decltype(Sequential{Dense{2, 2}, Sequential{Tanh{}}});
  using Coupled = decltype(Sequential{Dense{2, 2}, Residual{Sequential{BatchNorm{2}}}});
  static_assert(!Plain::curved && !Plain::couples_samples && !CouplesSamples<Plain> && TwiceDifferentiable<Plain>);
  static_assert(Curved::curved && !Curved::couples_samples);
  static_assert(Coupled::couples_samples && CouplesSamples<Coupled> && TwiceDifferentiable<Coupled>);
  static_assert(!Layer<int> && !Layer<Tensor<float>>);
}
