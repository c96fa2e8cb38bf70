// SPDX-License-Identifier: Apache-2.0
#include "train/players.hpp"

using namespace nash;

namespace {

template <class Trainer>
std::vector<double> reports_of(Trainer& trainer, int steps) {
  using T = typename Trainer::Scalar;
  std::vector<double> reports;
  for (int step = 0; step < steps; ++step) {
    const StepReport report = trainer.step(random_images<T, typename Trainer::Device>({5, 8, 8, 1}, static_cast<std::uint64_t>(step)));
    for (const auto& value : {report.d_loss, report.g_loss, report.d_real, report.d_fake, report.d_gradient_norm, report.g_gradient_norm})
      reports.push_back(*value);
  }
  return reports;
}

}  // namespace

TEST_CASE("a run on the Cpu is that on the Reference device") {
  auto g = small_generator<double>();
  auto d = small_discriminator<double>();
  g.initialise(1);
  d.initialise(2);
  const TrainerOptions options{.seed = 7, .average_decay = 0.7};
  GanTrainer reference{g.to<double, Reference>(), d.to<double, Reference>(), NonSaturating{}, options};
  GanTrainer cpu{std::move(g), std::move(d), NonSaturating{}, options};
  CHECK(relative_difference(reports_of(cpu, 4), reports_of(reference, 4)) < 1e-9);
  // Adam divides each gradient by its own size and so magnifies the rounding of small ones.
  CHECK(relative_difference(state_values(cpu.generator()), state_values(reference.generator())) < 1e-8);
  CHECK(relative_difference(state_values(cpu.discriminator()), state_values(reference.discriminator())) < 1e-8);
  CHECK(relative_difference(state_values(cpu.sampling_generator()), state_values(reference.sampling_generator())) < 1e-8);
}

TEST_CASE("networks put together at run time train to the same bits as static ones") {
  const auto any = [](const auto& network) { return LayerRegistry<float>::standard().build_network(network.body().describe()); };
  const TrainerOptions options{.seed = 7, .average_decay = 0.7};
  GanTrainer built{Generator{Latent::normal(6), any(small_generator())}, Discriminator{any(small_discriminator())}, NonSaturating{}, options};
  GanTrainer fixed{small_generator(), small_discriminator(), NonSaturating{}, options};
  CHECK(same_bits(reports_of(built, 4), reports_of(fixed, 4)));
  CHECK(same_bits(state_values(built.generator()), state_values(fixed.generator())));
  CHECK(same_bits(state_values(built.discriminator()), state_values(fixed.discriminator())));
  CHECK(same_bits(state_values(built.sampling_generator()), state_values(fixed.sampling_generator())));
}

TEST_CASE("networks put together at run time are refused where they do not fit") {
  const auto dense = [](index_t in, index_t out) {
    return LayerRegistry<float>::standard().build_network(Sequential{Dense{in, out}}.describe());
  };
  CHECK(message_of<ShapeError>([&] { GanTrainer(small_generator(), Discriminator{dense(63, 1)}, NonSaturating{}); }) ==
        "Dense (layer 0 of Discriminator): expected N×63 inputs, got 1×8×8×1.\nBuild Dense{64, 1} or change the layer before it.");
}
