// SPDX-License-Identifier: Apache-2.0
#include "counting_device.hpp"
#include "nash/method/instance_noise.hpp"
#include "nash/method/top_k.hpp"
#include "nash/train/any_method.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

using Calls = std::vector<std::string>;

constexpr index_t batch_size = 3;

Calls operator+(Calls a, const Calls& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// What the small players' passes cost for three samples of 8×8 pixels, layer by layer.
const Calls g_forward{"gemm ABᵀ 3×64×6", "conv2d backward_data 3×8×8×1 by 4×4×4×1"};
const Calls g_weights{"conv2d backward_weights 3×8×8×1 by 4×4×4×1", "gemm AᵀB 64×6×3"};
const Calls g_data{"conv2d forward 3×8×8×1 by 4×4×4×1"};  // but of the first layer: the latents need no gradient
const Calls d_forward{"conv2d forward 3×8×8×1 by 4×4×4×1", "conv2d forward 3×4×4×4 by 6×3×3×4", "gemm ABᵀ 3×1×24"};
const Calls d_weights{"gemm AᵀB 1×24×3", "conv2d backward_weights 3×4×4×4 by 6×3×3×4", "conv2d backward_weights 3×8×8×1 by 4×4×4×1"};
const Calls d_more_weights{"gemm +AᵀB 1×24×3", "conv2d +backward_weights 3×4×4×4 by 6×3×3×4", "conv2d +backward_weights 3×8×8×1 by 4×4×4×1"};
const Calls d_data{"gemm AB 3×24×1", "conv2d backward_data 3×4×4×4 by 6×3×3×4"};
const Calls d_first_data{"conv2d backward_data 3×8×8×1 by 4×4×4×1"};

const Calls d_update = d_forward + d_weights + d_data + g_forward + d_forward + d_more_weights + d_data;
const Calls g_update_of_fakes = d_forward + d_data + d_first_data + g_weights + g_data;
const Calls g_update = g_forward + g_update_of_fakes;

auto counting_trainer(const TrainerOptions& options) {
  return GanTrainer{small_generator().to<float, Counting>(), small_discriminator().to<float, Counting>(), NonSaturating{}, options};
}

/// What ran in the third step.
std::vector<KernelCall> calls_of(const TrainerOptions& options, index_t steps = 3) {
  auto trainer = counting_trainer(options);
  for (index_t step = 1; step <= steps; ++step) {
    (void)trainer.context().take_calls();
    trainer.step(random_images<float, Counting>({batch_size, 8, 8, 1}, static_cast<std::uint64_t>(step)));
  }
  return trainer.context().take_calls();
}

std::string products_in(const TrainerOptions& options, index_t steps = 3) { return sorted_lines(products_of(calls_of(options, steps))); }

/// A layer that notes whether its forward passes keep anything.
struct TapeWitness : Identity<float> {
  struct Seen {
    int kept = 0, not_kept = 0, back = 0;
    bool operator==(const Seen&) const = default;
  };
  explicit TapeWitness(Seen& s) : seen(&s) {}
  void forward(const Pass<Cpu>& pass, const Tensor<float>& x, Tensor<float>& y, NoSaved* saved) const {
    ++(saved != nullptr ? seen->kept : seen->not_kept);
    Identity<float>::forward(pass, x, y, saved);
  }
  void backward(const Pass<Cpu>& pass, const Tensor<float>& x, const Tensor<float>& y, NoSaved& saved, const Tensor<float>& dy,
                Tensor<float>* dx, Gradients<float, Cpu>* grads) const {
    ++seen->back;
    Identity<float>::backward(pass, x, y, saved, dy, dx, grads);
  }
  Seen* seen;
};

TapeWitness::Seen tapes_of(const TrainerOptions& options, int steps = 1) {
  TapeWitness::Seen seen;
  Generator g{Latent::normal(6), Sequential{Dense{6, 64}, TapeWitness(seen), Tanh{}, Reshape{8, 8, 1}}};
  GanTrainer trainer{std::move(g), small_discriminator(), NonSaturating{}, options};
  for (int step = 0; step < steps; ++step) trainer.step(random_images({3, 8, 8, 1}));
  return seen;
}

}  // namespace

TEST_CASE("the device that counts computes what the Cpu does, bit for bit") {
  auto counting = counting_trainer({.seed = 3, .average_decay = 0.9});
  GanTrainer cpu{small_generator(), small_discriminator(), NonSaturating{}, {.seed = 3, .average_decay = 0.9}};
  for (std::uint64_t step = 0; step < 3; ++step) {
    counting.step(random_images<float, Counting>({batch_size, 8, 8, 1}, step));
    cpu.step(random_images({batch_size, 8, 8, 1}, step));
  }
  CHECK(same_bits(state_values(counting.generator()), state_values(cpu.generator())));
  CHECK(same_bits(state_values(counting.discriminator()), state_values(cpu.discriminator())));
  CHECK(same_bits(state_values(counting.sampling_generator()), state_values(cpu.sampling_generator())));
}

TEST_CASE("the discriminator's update: no input gradient at its first layer, nothing back through the generator") {
  CHECK(products_in({.phases = {{Player::discriminator}}}) == sorted_lines(d_update));
}

TEST_CASE("the generator's update: no gradients of the discriminator's weights, none of the latents") {
  CHECK(products_in({.phases = {{Player::generator}}}) == sorted_lines(g_update));
}

TEST_CASE("a step costs what its phases cost") {
  CHECK(products_in({}) == sorted_lines(d_update + g_update));
  CHECK(products_in({.average_decay = 0.9}) == sorted_lines(d_update + g_update));
  CHECK(products_in({.phases = {{Player::discriminator}, {.player = Player::generator, .repeat = 2}}}) == sorted_lines(d_update + g_update + g_update));
  CHECK(products_in({.phases = {{Player::discriminator}, {.player = Player::generator, .every = 2}}}) == sorted_lines(d_update));
}

TEST_CASE("the discriminator's phase keeps no tape of the generator, unless its fakes are reused") {
  using Seen = TapeWitness::Seen;
  CHECK(tapes_of({.phases = {{Player::discriminator}}}) == Seen{.not_kept = 1});
  CHECK(tapes_of({}) == Seen{.kept = 1, .not_kept = 1, .back = 1});
  CHECK(tapes_of({.reuse_fakes = true}) == Seen{.kept = 1, .back = 1});
  // Only the last update before the generator's keeps one, in the steps that have a generator's update.
  const std::vector<Phase> phases{{.player = Player::discriminator, .repeat = 2}, {.player = Player::generator, .every = 3}};
  CHECK(tapes_of({.phases = phases, .reuse_fakes = true}, 6) == Seen{.kept = 2, .not_kept = 10, .back = 2});
  CHECK(tapes_of({.phases = {{Player::discriminator}}, .reuse_fakes = true}) == Seen{.not_kept = 1});
}

TEST_CASE("a step that reuses fakes runs the generator forward once") {
  CHECK(products_in({.reuse_fakes = true}) == sorted_lines(d_update + g_update_of_fakes));
  CHECK(products_in({.phases = {{Player::discriminator}, {Player::generator}, {Player::discriminator}, {Player::generator}}, .reuse_fakes = true}) ==
        sorted_lines(d_update + g_update_of_fakes + d_update + g_update_of_fakes));
  CHECK(products_in({.phases = {{.player = Player::discriminator, .repeat = 2}, {Player::generator}}, .reuse_fakes = true}) ==
        sorted_lines(d_update + d_update + g_update_of_fakes));
}

TEST_CASE("passes over activations: each pair of BatchNorm and activation saves one in each direction") {
  // 4×4 pixels of the generator's 4 channels, and 2×2 of the discriminator's 6, are the activations with BatchNorm.
  const auto passes = [](const std::vector<Phase>& phases, const std::string& name) {
    const Calls all = passes_of(calls_of({.phases = phases}), batch_size * 2 * 2 * 6);
    return std::count(all.begin(), all.end(), name);
  };
  // D twice: LeakyReLU after the convolution stands alone; the other is BatchNorm's. G once: Tanh stands alone.
  const std::vector<Phase> d{{Player::discriminator}}, g{{Player::generator}};
  CHECK(passes(d, "Activate") == 2 + 1);
  CHECK(passes(d, "Normalize") == 2 + 1);
  CHECK(passes(d, "CentredSquares") == 2 + 1);
  CHECK(passes(d, "ActivationJacobian") == 2);
  CHECK(passes(d, "NormalizedSums") == 2);
  CHECK(passes(d, "NormalizeJacobian") == 2);
  CHECK(passes(g, "Activate") == 2);
  CHECK(passes(g, "Normalize") == 2);
  CHECK(passes(g, "CentredSquares") == 2);
  CHECK(passes(g, "ActivationJacobian") == 2);
  CHECK(passes(g, "NormalizedSums") == 2);
  CHECK(passes(g, "NormalizeJacobian") == 2);
}

TEST_CASE("passes over the parameters: one for the gradients' norm, one for the update") {
  auto trainer = counting_trainer({.phases = {{Player::discriminator}}});
  trainer.step(random_images<float, Counting>({batch_size, 8, 8, 1}));
  const index_t parameters = trainer.discriminator().parameters().count();
  std::vector<std::string> whole;
  for (const KernelCall& call : trainer.context().take_calls())
    if (call.elements == parameters) whole.push_back(call.text);
  CHECK(sorted_lines(whole) == "AdamUpdate\nSquare\n");
}

TEST_CASE("an update clears no gradient that its passes write") {
  for (const Player player : {Player::discriminator, Player::generator}) {
    const Calls all = passes_of(calls_of({.phases = {{player}}}), 1);
    CHECK(std::count(all.begin(), all.end(), "Fill") == 0);
  }
}

TEST_CASE("methods that are chosen at run time cost what they cost when the compiler knows them, and hooks that none has cost nothing") {
  using Any = AnyMethod<decltype(small_generator().to<float, Counting>()), decltype(small_discriminator().to<float, Counting>())>;
  const auto calls = [](auto... methods) {
    GanTrainer trainer{small_generator().to<float, Counting>(), small_discriminator().to<float, Counting>(), NonSaturating{}, {.seed = 1}, methods...};
    trainer.step(random_images<float, Counting>({batch_size, 8, 8, 1}));
    (void)trainer.context().take_calls();
    trainer.step(random_images<float, Counting>({batch_size, 8, 8, 1}));
    std::string all;
    for (const KernelCall& call : trainer.context().take_calls()) all += call.text + "\n";
    return all;
  };
  CHECK(calls(std::vector<Any>{}) == calls());
  CHECK(calls(std::vector<Any>{InstanceNoise{0.1}}) == calls(InstanceNoise{0.1}));
  CHECK(calls(std::vector<Any>{TopK{{.least = 0.5}}}) == calls(TopK{{.least = 0.5}}));
}
