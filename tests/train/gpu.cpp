// SPDX-License-Identifier: Apache-2.0
#include "nash/method/label_smoothing.hpp"
#include "stand_in.hpp"
#include "train/players.hpp"

using namespace nash;

TEST_CASE("a steady step is one graph that was built once, and the host waits once and asks for no memory") {
  GanTrainer trainer{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{}, {.average_decay = 0.7}};
  const std::vector<Tensor<float, StandIn>> batches{random_images<float, StandIn>({5, 8, 8, 1}, 1), random_images<float, StandIn>({5, 8, 8, 1}, 2)};
  for (int step = 0; step < 4; ++step) (void)trainer.step(batches[static_cast<std::size_t>(step) % 2]);

  const index_t memory = trainer.context().gpu().pool().driver_allocations(), operations = trainer.context().gpu().stream().enqueued();
  (void)stand_in::take_counts();
  for (int step = 0; step < 6; ++step) (void)trainer.step(batches[static_cast<std::size_t>(step) % 2]);
  const stand_in::Counts counts = stand_in::take_counts();
  CHECK(trainer.context().gpu().pool().driver_allocations() == memory);
  CHECK(counts.graphs_built == 0);
  CHECK(counts.queued == 0);
  CHECK(counts.waits == 6);
  CHECK(counts.graphs_launched == 6);
  CHECK(trainer.context().gpu().stream().enqueued() - operations > 6 * 50);
}

TEST_CASE("so is each kind of step where batches of two sizes and two lists of phases take turns") {
  GanTrainer trainer{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{},
                     {.phases = {{Player::discriminator}, {.player = Player::generator, .every = 2}}}};
  const auto step = [&](int i) { (void)trainer.step(random_images<float, StandIn>({i % 3 == 0 ? 3 : 5, 8, 8, 1}, static_cast<std::uint64_t>(i))); };
  for (int i = 0; i < 24; ++i) step(i);
  const index_t memory = trainer.context().gpu().pool().driver_allocations();
  (void)stand_in::take_counts();
  for (int i = 24; i < 30; ++i) step(i);
  CHECK(stand_in::take_counts().graphs_built == 0);
  CHECK(trainer.context().gpu().pool().driver_allocations() == memory);
}

TEST_CASE("a library's convolutions are steps of a recorded sequence like any other operation, for the same bits") {
  stand_in::machine().library_strides = 2;
  const auto outcome = [](bool record) {
    GanTrainer trainer{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{}, {.seed = 5, .record_steps = record}};
    for (int step = 0; step < 5; ++step) (void)trainer.step(random_images<float, StandIn>({5, 8, 8, 1}, static_cast<std::uint64_t>(step)));
    (void)stand_in::take_counts();
    (void)trainer.step(random_images<float, StandIn>({5, 8, 8, 1}, 9));
    const stand_in::Counts counts = stand_in::take_counts();
    CHECK(counts.convolutions > 5);
    CHECK((counts.graphs_launched > 0) == record);
    CHECK(counts.graphs_built == 0);
    return state_values(trainer.generator());
  };
  CHECK(same_bits(outcome(true), outcome(false)));
  stand_in::machine().library_strides = 0;
}

TEST_CASE("a step in which the host has to wait is several graphs: spectral norm's update, methods, and functions of the user's") {
  const auto steady = [](auto& trainer) {
    for (int step = 0; step < 4; ++step) (void)trainer.step(random_images<float, StandIn>({5, 8, 8, 1}, 1));
    (void)stand_in::take_counts();
    for (int step = 0; step < 3; ++step) (void)trainer.step(random_images<float, StandIn>({5, 8, 8, 1}, 1));
    const stand_in::Counts counts = stand_in::take_counts();
    CHECK(counts.graphs_built == 0);
    return counts.graphs_launched / 3;
  };
  GanTrainer spectral{small_generator().to<float, StandIn>(), Discriminator{Sequential{SpectralNorm{Dense<float, StandIn>{64, 1}}}}, NonSaturating{}};
  CHECK(steady(spectral) > 8);
  GanTrainer smoothed{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{}, LabelSmoothing{0.9}};
  CHECK(steady(smoothed) == 8);
  GanTrainer reduced{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{}};
  reduced.set_gradient_reduction([](Player, Tensor<float, StandIn>&) {});
  CHECK(steady(reduced) == 8);
  GanTrainer repeated{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{},
                      {.phases = {{.player = Player::discriminator, .repeat = 3}, {Player::generator}}}};
  CHECK(steady(repeated) == 1);
}
