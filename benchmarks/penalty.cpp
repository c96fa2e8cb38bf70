// SPDX-License-Identifier: Apache-2.0
//
// What the gradient penalty of WGAN-GP costs, beside a forward pass of the discriminator on the same batch. Both are timed where the
// penalty stands, between the losses' backward passes and the optimiser of a critic's update: the penalty by a method around it, the
// forward pass by a method that does nothing else, each in memory of its own. Besides, the forward pass alone in a loop, which finds its
// memory warm, and what the penalty adds to whole updates. Prints medians of all rounds, and of the rounds' ratios.
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

/// A method that is a forward pass of the discriminator on the real batch, in the penalty's place and like it in memory of its own.
struct ForwardPass {
  template <class G, class D>
  class Work {
   public:
    Work(const ForwardPass&, const G&, const D&) {}
    double penalise(const nash::Update<nash::Cpu>& update, const D& critic, const nash::Tensor<float>& real, const nash::Tensor<float>&,
                    nash::Gradients<float, nash::Cpu>&) {
      critic.forward({.context = update.context, .mode = nash::Mode::train, .random = update.random}, real, logits_, &tape_);
      return 0;
    }

   private:
    nash::Tensor<float> logits_;
    typename D::Saved tape_;
  };
};

/// Another method, whose penalties are timed.
template <class Method>
class Timed {
 public:
  static constexpr const char* name = "Timed";
  Timed(const Method& method, std::vector<double>& milliseconds) : method_(method), milliseconds_(&milliseconds) {}

  template <class G, class D>
  class Work {
   public:
    static constexpr bool carries_nothing = true;
    Work(const Timed& timed, const G& generator, const D& critic) : milliseconds_(timed.milliseconds_), work_(timed.method_, generator, critic) {}
    double penalise(const nash::Update<nash::Cpu>& update, const D& critic, const nash::Tensor<float>& real, const nash::Tensor<float>& fakes,
                    nash::Gradients<float, nash::Cpu>& gradients) {
      double value = 0;
      milliseconds_->push_back(milliseconds_of([&] { value = work_.penalise(update, critic, real, fakes, gradients); }));
      return value;
    }

   private:
    std::vector<double>* milliseconds_;
    typename Method::template Work<G, D> work_;
  };

 private:
  Method method_;
  std::vector<double>* milliseconds_;
};

/// The median of what was timed, which is then forgotten.
double taken(std::vector<double>& milliseconds) {
  const double result = benchmark::median(milliseconds);
  milliseconds.clear();
  return result;
}

void run(const Options& options) {
  using namespace nash;
  const InstructionSet instruction_set = benchmark::instruction_set_of(options.instruction_set);
  const Adam adam = WganGpOptions{}.optimizer;
  const auto trainer_with = [&](auto... methods) {
    return GanTrainer{dcgan28_generator({.width = options.width}), dcgan28_critic({.width = options.width}), Wasserstein{},
                      {.seed = 1, .discriminator = adam, .phases = {{Player::discriminator}}, .threads = static_cast<int>(options.threads)}, methods...};
  };
  std::vector<double> of_forward, of_penalty;
  auto plain = trainer_with();
  auto with_forward = trainer_with(Timed(ForwardPass{}, of_forward));
  auto with_penalty = trainer_with(Timed(GradientPenalty{10}, of_penalty));
  for (auto* context : {&plain.context(), &with_forward.context(), &with_penalty.context()}) context->limit_instruction_set(instruction_set);

  Tensor<float> real(plain.generator().sample_shape(options.batch)), logits;
  fill_uniform(plain.context(), RandomStream(1), -1, 1, real.count(), real.data());
  const auto& critic = plain.discriminator();
  typename std::remove_cvref_t<decltype(critic)>::Saved tape;
  const Pass<Cpu> pass{.context = plain.context(), .mode = Mode::train, .random = RandomStream(4)};

  const auto update = [&] { plain.step(real); };
  const auto update_with_forward = [&] { with_forward.step(real); };
  const auto update_with_penalty = [&] { with_penalty.step(real); };
  const auto forward = [&] { critic.forward(pass, real, logits, &tape); };

  (void)round_of(2, update, update_with_forward, update_with_penalty, forward);  // memory is there from the second one on
  taken(of_forward), taken(of_penalty);
  Figure forward_within, forward_alone, penalty, penalty_by_within, penalty_by_alone, added_by_within, without, with_by_without;
  for (std::int64_t i = 0; i < options.rounds; ++i) {
    const auto [plainly, with_one_more, with] = round_of(options.steps, update, update_with_forward, update_with_penalty);
    const auto [alone] = round_of(options.steps, forward);
    const double within = taken(of_forward), penalising = taken(of_penalty);
    forward_within.add(within), forward_alone.add(alone), penalty.add(penalising), without.add(plainly);
    penalty_by_within.add(penalising / within), penalty_by_alone.add(penalising / alone), added_by_within.add((with - plainly) / within);
    with_by_without.add(with / plainly);
  }
  std::printf("D forward within an update    %8.3f ms\n", forward_within.median());
  std::printf("D forward alone in a loop     %8.3f ms\n", forward_alone.median());
  std::printf("the penalty within an update  %8.3f ms   %.2f x forward within, %.2f x forward alone\n", penalty.median(), penalty_by_within.median(), penalty_by_alone.median());
  std::printf("an update without it          %8.3f ms   with it %.2f x, %.2f x forward within more\n", without.median(), with_by_without.median(), added_by_within.median());
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
