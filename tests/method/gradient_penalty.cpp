// SPDX-License-Identifier: Apache-2.0
#include "nash/method/gradient_penalty.hpp"

#include "allocations.hpp"
#include "counting_device.hpp"
#include "method/methods.hpp"
#include "nash/method/dragan.hpp"
#include "nash/method/logan.hpp"
#include "nash/method/r1.hpp"
#include "nash/model/dcgan.hpp"

using namespace nash;

namespace {

/// The norm of the gradient is `slope` everywhere: D(x) = slope·x₀, N×5×5×1 → N×1.
Discriminator<Sequential<Dense<double>>> linear_critic(double slope) {
  Discriminator d{Sequential{Dense<double>{25, 1}}};
  d.initialise(1);
  std::vector<double> parameters(26, 0.0);
  parameters[0] = slope;
  d.parameters().assign_from_host(parameters);
  return d;
}

double penalty_of(double slope, const GradientPenalty& penalty, index_t samples = 3) {
  GanTrainer trainer{tiny_generator(), linear_critic(slope), NoLoss{}, {.phases = {{Player::discriminator}}}, penalty};
  return *trainer.step(random_images<double>({samples, 5, 5, 1})).d_added;
}

}  // namespace

TEST_CASE("GradientPenalty's gradient is that of its value, by differences, through every kind of layer") {
  check_penalty(curved_critic(), GradientPenalty{10});
  check_penalty(curved_critic(), GradientPenalty{3, {.target = 0.01, .one_sided = true}});
  check_penalty(curved_critic<Reference>(), GradientPenalty{10});
}

TEST_CASE("so it is through layers that change the size, and those that normalise a sample or look at the batch and allow it") {
  using T = double;
  Discriminator d{Sequential{Conv2d<T>{1, 8, {.kernel = 2}}, PixelShuffle<T>{2}, AvgPool2d<T>{}, LayerNorm<T>{2}, Softplus<T>{}, MinibatchStdDev<T>{},
                             Reshape<T>{2, 2, 12}, Identity<T>{}, Dense<T>{48, 6}, ReLU<T>{}, Dense<T>{6, 1}}};
  d.initialise(9);
  check_penalty(d, GradientPenalty{10});
  check_penalty(d, Dragan{3}, R1{2}, R2{1});
}

namespace {

/// The multiply-adds of the critic's second update on a batch.
template <class G, class D, class... Methods>
index_t work_of_update(const G& generator, const D& critic, const Tensor<float, Counting>& images, const Methods&... methods) {
  GanTrainer trainer{generator, critic, Wasserstein{}, {.phases = {{Player::discriminator}}}, methods...};
  trainer.step(images);
  (void)trainer.context().take_calls();
  trainer.step(images);
  return multiply_adds_of(trainer.context().take_calls());
}

/// What a penalty costs, as multiples of D's forward pass on its batch and of the update without it.
struct Cost {
  double forwards, updates;
};
template <class G, class D, class Penalty>
Cost cost_of(const G& generator, const D& critic, const Penalty& penalty) {
  const auto images = random_images<float, Counting>(generator.sample_shape(4));
  Context<Counting> context(1);
  D d = critic;
  d.initialise(1);
  Tensor<float, Counting> logits;
  d.discriminate(context, images, logits);
  const auto forward = static_cast<double>(multiply_adds_of(context.take_calls()));
  const auto with = static_cast<double>(work_of_update(generator, critic, images, penalty)), without = static_cast<double>(work_of_update(generator, critic, images));
  REQUIRE(forward > 0);
  return {(with - without) / forward, with / without};
}

}  // namespace

TEST_CASE("a penalty on DCGAN's critic costs at most 4.5 forward passes of it, and an update at most 1.8 times one without, by multiply-adds") {
  const auto check = [](const auto& generator, const auto& critic, const auto& penalty) {
    const Cost cost = cost_of(generator, critic, penalty);
    CHECK(cost.forwards <= 4.5);
    CHECK(cost.forwards == 4);  // forward, back to the images, tangent, back to the weights
    CHECK(cost.updates <= 1.8);
  };
  const auto g = dcgan28_generator<float, Counting>({.width = 4});
  const auto d = dcgan28_critic<float, Counting>({.width = 4});
  check(g, d, GradientPenalty{10});
  check(dcgan_generator<float, Counting>({.size = 32, .width = 2}), dcgan_critic<float, Counting>({.size = 32, .width = 2}), GradientPenalty{10});
  CHECK(cost_of(g, d, GradientPenalty{0}).forwards == 0);
}

TEST_CASE("GradientPenalty of a linear critic is λ·(‖w‖ − target)², whatever the batch") {
  CHECK(penalty_of(3, GradientPenalty{10}) == doctest::Approx(10 * 4.0).epsilon(1e-9));
  CHECK(penalty_of(3, GradientPenalty{10}, 7) == doctest::Approx(10 * 4.0).epsilon(1e-9));
  CHECK(penalty_of(0.5, GradientPenalty{2}) == doctest::Approx(2 * 0.25).epsilon(1e-9));
  CHECK(penalty_of(3, GradientPenalty{10, {.target = 0}}) == doctest::Approx(10 * 9.0).epsilon(1e-9));
  CHECK(penalty_of(0.5, GradientPenalty{2, {.one_sided = true}}) == 0);
  CHECK(penalty_of(3, GradientPenalty{2, {.one_sided = true}}) == doctest::Approx(2 * 4.0).epsilon(1e-9));
}

TEST_CASE("the norm is that of one sample's gradient over its pixels, neither over the batch nor of a mean") {
  // The gradient is (1.8, 2.4, 0, …) where the critic is above 0 and a fifth of it below: norms 3 and 0.6.
  Discriminator d{Sequential{Dense<double>{25, 1}, LeakyReLU<double>{0.2}}};
  d.initialise(1);
  std::vector<double> weights(26, 0.0);
  weights[0] = 1.8, weights[1] = 2.4;
  d.parameters().assign_from_host(weights);
  Generator g = tiny_generator();
  g.initialise(1);
  std::fill(g.parameters().begin(), g.parameters().end(), 0.0);  // all fakes are 0: what lies between has the sign of the real sample
  GanTrainer trainer{g, d, NoLoss{}, {.phases = {{Player::discriminator}}}, GradientPenalty{10}};
  std::vector<double> values(3 * 25, 1.0);
  std::fill(values.begin() + 25, values.begin() + 50, -1.0);
  const double expected = 10 * (2.0 * 2.0 + 0.4 * 0.4 + 2.0 * 2.0) / 3;
  CHECK(*trainer.step(Tensor<double>({3, 5, 5, 1}, values)).d_added == doctest::Approx(expected).epsilon(1e-9));
}

TEST_CASE("a critic whose gradient is zero gets no NaN: the root is taken of the square and a little more") {
  GanTrainer trainer{tiny_generator(), linear_critic(0), NoLoss{}, {.phases = {{Player::discriminator}}}, GradientPenalty{10}};
  const StepReport report = trainer.step(random_images<double>({3, 5, 5, 1}));
  CHECK(*report.d_added == doctest::Approx(10).epsilon(1e-5));
  CHECK(std::isfinite(*report.d_gradient_norm));
}

TEST_CASE("each sample has a norm and an ε of its own") {
  struct Seen {
    std::vector<double> inputs;
  } seen;
  struct Watch : Identity<double> {
    explicit Watch(Seen& s) : seen(&s) {}
    void forward(const Pass<Cpu>& pass, const Tensor<double>& x, Tensor<double>& y, NoSaved* saved) const {
      if (pass.second_order) seen->inputs = x.to_host();
      Identity<double>::forward(pass, x, y, saved);
    }
    Seen* seen;
  };
  Discriminator d{Sequential{Watch(seen), Dense<double>{25, 1}}};
  Generator g = tiny_generator();
  g.initialise(1);
  std::fill(g.parameters().begin(), g.parameters().end(), 0.0);  // all fakes are 0
  GanTrainer trainer{g, d, NoLoss{}, {.phases = {{Player::discriminator}}}, GradientPenalty{10}};
  const auto real = Tensor<double>::filled({64, 5, 5, 1}, 1);
  trainer.step(real);
  REQUIRE(seen.inputs.size() == 64 * 25);
  std::vector<double> epsilons;
  for (std::size_t n = 0; n < 64; ++n) {
    for (std::size_t i = 0; i < 25; ++i) CHECK(seen.inputs[n * 25 + i] == seen.inputs[n * 25]);
    epsilons.push_back(seen.inputs[n * 25]);
  }
  std::sort(epsilons.begin(), epsilons.end());
  CHECK(std::adjacent_find(epsilons.begin(), epsilons.end()) == epsilons.end());
  CHECK(epsilons.front() > 0);
  CHECK(epsilons.front() < 0.2);
  CHECK(epsilons.back() > 0.8);
  CHECK(epsilons.back() < 1);
  trainer.step(real);
  std::sort(seen.inputs.begin(), seen.inputs.end());
  CHECK(seen.inputs[0] != epsilons[0]);  // and others in the next step
}

TEST_CASE("λ = 0 changes no bit") {
  const TrainerOptions options{.seed = 4};
  GanTrainer plain{small_generator(), plain_discriminator<float>(), Wasserstein{}, options};
  GanTrainer penalised{small_generator(), plain_discriminator<float>(), Wasserstein{}, options, GradientPenalty{0}};
  CHECK(same_bits(state_after(penalised, 3, {6, 8, 8, 1}), state_after(plain, 3, {6, 8, 8, 1})));
  GanTrainer other{small_generator(), plain_discriminator<float>(), Wasserstein{}, options, GradientPenalty{1e-3}};
  GanTrainer again{small_generator(), plain_discriminator<float>(), Wasserstein{}, options};
  CHECK_FALSE(same_bits(state_after(other, 3, {6, 8, 8, 1}), state_after(again, 3, {6, 8, 8, 1})));
}

TEST_CASE("the penalty costs as many products as four forward passes") {
  const auto products = [](const auto& critic, auto... methods) {
    GanTrainer trainer{small_generator().to<float, Counting>(), critic.template to<float, Counting>(), Wasserstein{},
                       {.phases = {{Player::discriminator}}}, methods...};
    trainer.step(random_images<float, Counting>({3, 8, 8, 1}));
    std::size_t found = 0;
    for (const KernelCall& call : trainer.context().take_calls()) found += call.text.starts_with("gemm") || call.text.starts_with("conv2d");
    return found;
  };
  // Each product of a layer, forward, back or for its weights, has as many multiplications as the others.
  const std::size_t layers = 3;
  const Discriminator linear{Sequential{Conv2d{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}, LeakyReLU{0.2}, Conv2d{4, 6}, LeakyReLU{0.2},
                                        Dense{2 * 2 * 6, 1}}};
  CHECK(products(linear) == 2 * (3 * layers - 1) + 2);  // D twice, the images' gradient left out, and G forward
  CHECK(products(linear, GradientPenalty{10}) == products(linear) + 4 * layers);
  // Tanh is curved: what it adds goes back through the first Dense's weights and its images', and the convolution's weights.
  CHECK(products(plain_discriminator<float>(), GradientPenalty{10}) == products(plain_discriminator<float>()) + 4 * layers + 3);
}

TEST_CASE("a step with penalties allocates nothing once it has run") {
  if (!counts_allocations()) return;
  GanTrainer trainer{small_generator(), plain_discriminator<float>(), Wasserstein{}, {.threads = 1}, GradientPenalty{10}};
  const auto images = random_images({5, 8, 8, 1});
  for (int i = 0; i < 3; ++i) trainer.step(images);
  const std::int64_t before = allocation_count();
  for (int i = 0; i < 5; ++i) trainer.step(images);
  CHECK(allocation_count() == before);
}

TEST_CASE("networks put together at run time are refused where a layer couples the samples") {
  const auto any = [](const auto& network) { return Discriminator{LayerRegistry<float>::standard().build_network(network.body().describe())}; };
  CHECK(message_of<Error>([&] { GanTrainer(small_generator(), any(small_discriminator()), Wasserstein{}, GradientPenalty{}); }) ==
        "GradientPenalty: expected a discriminator whose layers see each sample by itself, got BatchNorm.\n"
        "Use LayerNorm or SpectralNorm in the place of BatchNorm, or leave the penalty out.");
  GanTrainer good{small_generator(), any(plain_discriminator<float>()), Wasserstein{}, GradientPenalty{}};
  CHECK(*good.step(random_images({3, 8, 8, 1})).d_added > 0);
}

template <bool coupled>
struct OwnFirstOrder : LayerDefaults<float, Cpu> {
  using Values = Tensor<float>;
  static constexpr bool couples_samples = coupled;
  Shape output_shape(const Shape& x) const { return x; }
  void forward(const Pass<Cpu>&, const Values& x, Values& y, NoSaved*) const { y = x; }
  void backward(const Pass<Cpu>&, const Values&, const Values&, NoSaved&, const Values& dy, Values* dx, Gradients<float, Cpu>*) const {
    if (dx != nullptr) *dx = dy;
  }
  LayerDescription describe() const { return LayerDescription(coupled ? "Coupling" : "Plain"); }
};

/// A composite of one's own that says what it is at run time, and not which of its parts it is.
struct OwnComposite : Identity<> {
  LayerTraits traits() const { return {.refuses_penalties = true}; }
};

TEST_CASE("of networks put together at run time the layers in a penalty's way are named, each with what to use in its place") {
  using Layers = std::vector<AnyLayer<>>;
  const auto message = [](const auto& penalty, const Layers& layers) {
    return message_of<Error>([&] { GanTrainer(small_generator(), Discriminator{AnySequential<>(layers)}, NonSaturating{}, penalty); });
  };
  CHECK(message(Dragan{}, {Flatten{}, Residual{AnySequential<>(Layers{Dense{64, 64}, BatchNorm{64}})}, BatchNorm{64}, Tanh{}, MinibatchDiscrimination{64, 2},
                           ConditionalBatchNorm{3, 66}, Dense{66, 1}}) ==
        "Dragan: expected a discriminator whose layers see each sample by itself, got BatchNorm, MinibatchDiscrimination, ConditionalBatchNorm.\n"
        "Use LayerNorm or SpectralNorm in the place of BatchNorm, use MinibatchStdDev in the place of MinibatchDiscrimination, "
        "use LayerNorm and ConditionalAffine in the place of ConditionalBatchNorm, or leave the penalty out.");
  CHECK(message(R1{}, {ReferenceBatch{Shape{2, 8, 8, 1}, AnySequential<>(Layers{Dense{64, 2}, BatchNorm{2}, Dense{2, 1}})}}).find("got BatchNorm.") !=
        std::string::npos);
  CHECK(message(R1{}, {Dense{64, 1}, OwnComposite{}}).find("see each sample by itself, got Identity.") != std::string::npos);
  CHECK(message(R2{}, {Dense{64, 1}, OwnFirstOrder<true>{}}) ==
        "R2: expected a discriminator whose layers see each sample by itself, got Coupling.\nLeave out Coupling, or leave the penalty out.");
  CHECK(message(R2{}, {Dense{64, 1}, OwnFirstOrder<false>{}}) ==
        "R2: expected a discriminator whose layers are all twice differentiable, got Plain.\n"
        "Give tangent and tangent_backward to Plain, or leave the penalty out.");
  CHECK(message(Logan{}, {Dense{64, 1}, OwnFirstOrder<true>{}, OwnFirstOrder<false>{}}) ==
        "Logan: expected networks whose layers are all twice differentiable, got Coupling, Plain.\n"
        "Give tangent and tangent_backward to Coupling and Plain, or leave the method out.");
}

TEST_CASE("a weight that makes no sense") {
  CHECK(message_of<ShapeError>([] { GradientPenalty{-1}; }) ==
        "GradientPenalty: expected a weight, finite and at least 0, got -1.\nCorrect the option.");
  CHECK(message_of<ShapeError>([] { GradientPenalty(10, {.target = std::nan("")}); }).starts_with("GradientPenalty: expected a target of the norm"));
}
