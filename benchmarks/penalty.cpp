// SPDX-License-Identifier: Apache-2.0
//
// What the gradient penalty of WGAN-GP costs, beside a forward pass of the discriminator on the same batch. Both are timed within a
// critic's updates, each time after a whole one without them, so that weights are new and the caches hold what an update leaves;
// the forward pass also alone in a loop, which finds its memory warm. Prints medians of all rounds, and of the rounds' ratios.
//
//   penalty --batch 64 --threads 2
#include <algorithm>
#include <array>
#include <cstdio>

#include "nash/nash.hpp"
#include "support/arguments.hpp"
#include "support/instruction_set.hpp"
#include "support/median.hpp"
#include "support/stopwatch.hpp"

namespace {

struct Options {
  std::int64_t batch = 64, threads = nash::default_threads(), width = 64, steps = 20, rounds = 7;
  std::string instruction_set{benchmark::name_of(nash::detect_instruction_set())};
};

double milliseconds_of(const auto& f) {
  const benchmark::Stopwatch watch;
  f();
  return 1e3 * watch.seconds();
}

/// What is shown: the median over all rounds of a figure that each round has.
class Figure {
 public:
  void add(double value) { of_rounds_.push_back(value); }
  double median() const { return benchmark::median(of_rounds_); }

 private:
  std::vector<double> of_rounds_;
};

/// The medians over a round's steps, each a turn of all functions.
template <class... Functions>
std::array<double, sizeof...(Functions)> round_of(std::int64_t steps, const Functions&... functions) {
  std::array<Figure, sizeof...(Functions)> times;
  for (std::int64_t step = 0; step < steps; ++step) {
    std::size_t i = 0;
    (times[i++].add(milliseconds_of(functions)), ...);
  }
  std::array<double, sizeof...(Functions)> medians;
  std::transform(times.begin(), times.end(), medians.begin(), [](const Figure& figure) { return figure.median(); });
  return medians;
}

void run(const Options& options) {
  using namespace nash;
  const InstructionSet instruction_set = benchmark::instruction_set_of(options.instruction_set);
  const Adam adam = WganGpOptions{}.optimizer;
  const auto trainer_with = [&](double weight) {
    return GanTrainer{dcgan28_generator({.width = options.width}), dcgan28_critic({.width = options.width}), Wasserstein{},
                      {.seed = 1, .discriminator = adam, .phases = {{Player::discriminator}}, .threads = static_cast<int>(options.threads)},
                      GradientPenalty{weight}};
  };
  auto plain = trainer_with(0), penalised = trainer_with(10);
  plain.context().limit_instruction_set(instruction_set);
  penalised.context().limit_instruction_set(instruction_set);
  using Generator = std::remove_cvref_t<decltype(plain.generator())>;
  using Critic = std::remove_cvref_t<decltype(plain.discriminator())>;
  const Critic& critic = plain.discriminator();
  const GradientPenalty method{10};
  GradientPenalty::Work<Generator, Critic> work(method, plain.generator(), critic);
  Context<>& context = plain.context();

  Tensor<float> real(plain.generator().sample_shape(options.batch)), fakes(real.shape()), logits, sums = Tensor<float>::zeros({critic.parameters().count()});
  fill_uniform(context, RandomStream(1), -1, 1, real.count(), real.data());
  fill_uniform(context, RandomStream(2), -1, 1, fakes.count(), fakes.data());
  Gradients<float, Cpu> gradients(sums);
  typename Critic::Saved tape;
  const Update<Cpu> update{.context = context, .player = Player::discriminator, .step = 1, .repetition = 0, .random = RandomStream(3)};
  const Pass<Cpu> pass{.context = context, .mode = Mode::train, .random = RandomStream(4)};

  const auto update_without = [&] { plain.step(real); };
  const auto update_with = [&] { penalised.step(real); };
  const auto forward = [&] { critic.forward(pass, real, logits, &tape); };
  const auto penalise = [&] { work.penalise(update, critic, real, fakes, gradients); };

  (void)round_of(2, update_without, forward, penalise, update_with);  // memory is there from the second one on
  Figure forward_within, forward_alone, penalty, penalty_by_within, penalty_by_alone, without, with_by_without;
  for (std::int64_t i = 0; i < options.rounds; ++i) {
    const auto [first, after_update, second, after_another] = round_of(options.steps, update_without, forward, update_without, penalise);
    const auto [alone] = round_of(options.steps, forward);
    const auto [with] = round_of(options.steps, update_with);
    forward_within.add(after_update), forward_alone.add(alone), penalty.add(after_another), without.add(second);
    penalty_by_within.add(after_another / after_update), penalty_by_alone.add(after_another / alone), with_by_without.add(with / second);
  }
  std::printf("D forward within an update    %8.3f ms\n", forward_within.median());
  std::printf("D forward alone in a loop     %8.3f ms\n", forward_alone.median());
  std::printf("the penalty within an update  %8.3f ms   %.2f x forward within, %.2f x forward alone\n", penalty.median(), penalty_by_within.median(), penalty_by_alone.median());
  std::printf("an update without it          %8.3f ms   with it %.2f x\n", without.median(), with_by_without.median());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::Arguments arguments("Times the gradient penalty of WGAN-GP beside a forward pass of dcgan28's critic.");
  arguments.option("--batch", options.batch, "images a step")
      .option("--threads", options.threads, "of the kernels")
      .option("--instruction-set", options.instruction_set, "of the kernels, at most: baseline, avx2, avx512 or amx")
      .option("--width", options.width, "of the networks")
      .option("--steps", options.steps, "in a round")
      .option("--rounds", options.rounds, "of which the medians are shown");
  return arguments.run(argc, argv, [&] {
    for (const auto& [name, value] : {std::pair{"--batch", options.batch}, {"--threads", options.threads}, {"--width", options.width},
                                     {"--steps", options.steps}, {"--rounds", options.rounds}})
      example::require_at_least(1, static_cast<double>(value), name, "");
    run(options);
  });
}
