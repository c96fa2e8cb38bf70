// SPDX-License-Identifier: Apache-2.0
//
// What the gradient penalty of WGAN-GP costs, beside a forward pass of the discriminator on the same batch. Both are timed within a
// critic's updates, each time after a whole one without them, so that weights are new and the caches hold what an update leaves;
// the forward pass also alone in a loop, which finds its memory warm. Prints medians of all rounds, and of the rounds' ratios.
//
//   penalty --batch 64 --threads 2
#include <cstdio>

#include "nash/nash.hpp"
#include "support/arguments.hpp"
#include "support/median.hpp"
#include "support/stopwatch.hpp"

namespace {

struct Options {
  std::int64_t batch = 64, threads = nash::default_threads(), width = 64, steps = 20, rounds = 7;
};

/// The medians over a round's steps, in milliseconds.
template <class... Functions>
std::vector<double> round_of(std::int64_t steps, const Functions&... functions) {
  std::vector<std::vector<double>> times(sizeof...(functions));
  for (std::int64_t i = 0; i < steps; ++i) {
    auto place = times.begin();
    (place++->push_back(1e3 * functions()), ...);
  }
  std::vector<double> medians;
  for (const auto& of_one : times) medians.push_back(benchmark::median(of_one));
  return medians;
}

void run(const Options& options) {
  using namespace nash;
  const Adam adam = WganGpOptions{}.optimizer;
  const auto trainer_with = [&](double weight) {
    return GanTrainer{dcgan28_generator({.width = options.width}), dcgan28_critic({.width = options.width}), Wasserstein{},
                      {.seed = 1, .discriminator = adam, .phases = {{Player::discriminator}}, .threads = static_cast<int>(options.threads)},
                      GradientPenalty{weight}};
  };
  auto plain = trainer_with(0), penalised = trainer_with(10);
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
  const Pass<Cpu> pass{.context = context, .mode = Mode::train, .random = RandomStream(4), .second_order = true};

  const auto seconds_of = [](const auto& f) {
    const benchmark::Stopwatch watch;
    f();
    return watch.seconds();
  };
  const auto update_without = [&] { return seconds_of([&] { plain.step(real); }); };
  const auto update_with = [&] { return seconds_of([&] { penalised.step(real); }); };
  const auto forward = [&] { return seconds_of([&] { critic.forward(pass, real, logits, &tape); }); };
  const auto penalise = [&] { return seconds_of([&] { work.penalise(update, critic, real, fakes, gradients); }); };

  (void)round_of(2, update_without, forward, update_without, penalise, update_with);  // memory is there from the second one on
  std::vector<std::vector<double>> rounds(7);
  for (std::int64_t i = 0; i < options.rounds; ++i) {
    const auto within = round_of(options.steps, update_without, forward, update_without, penalise);
    const auto alone = round_of(options.steps, forward), whole = round_of(options.steps, update_with);
    const double figures[] = {within[1], alone[0], within[3], within[3] / within[1], within[3] / alone[0], within[0], whole[0] / within[0]};
    for (std::size_t j = 0; j < rounds.size(); ++j) rounds[j].push_back(figures[j]);
  }
  const auto figure = [&](std::size_t j) { return benchmark::median(rounds[j]); };
  std::printf("D forward within an update    %8.3f ms\n", figure(0));
  std::printf("D forward alone in a loop     %8.3f ms\n", figure(1));
  std::printf("the penalty within an update  %8.3f ms   %.2f x forward within, %.2f x forward alone\n", figure(2), figure(3), figure(4));
  std::printf("an update without it          %8.3f ms   with it %.2f x\n", figure(5), figure(6));
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::Arguments arguments("Times the gradient penalty of WGAN-GP beside a forward pass of dcgan28's critic.");
  arguments.option("--batch", options.batch, "images a step")
      .option("--threads", options.threads, "of the kernels")
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
