// SPDX-License-Identifier: Apache-2.0
#include "nash/loss/hinge.hpp"
#include "nash/train/checkpoint.hpp"
#include "stand_in.hpp"
#include "temporary_folder.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

using Images = Tensor<float, StandIn>;

/// A method that could run ahead and does not say so.
struct SaysNothing {
  template <class Device, class Network>
  void after_update(const Update<Device>&, Network&) const {}
};

/// A trainer of the small players, without methods.
auto plain_trainer(const TrainerOptions& options) {
  return GanTrainer{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{}, options};
}

/// The batch of a step; one that is not finite where it is to be broken.
Images batch_of(int step, bool broken = false) {
  return broken ? Images::filled({5, 8, 8, 1}, std::nanf("")) : random_images<float, StandIn>({5, 8, 8, 1}, static_cast<std::uint64_t>(step));
}

/// Both networks, the average, and the counts of updates.
template <class Trainer>
std::vector<double> what_is_left(const Trainer& trainer) {
  std::vector<double> all;
  const auto add = [&](const auto& network) {
    const auto values = state_values(network);
    all.insert(all.end(), values.begin(), values.end());
  };
  add(trainer.generator()), add(trainer.discriminator()), add(trainer.sampling_generator());
  for (const Player player : {Player::generator, Player::discriminator}) all.push_back(static_cast<double>(trainer.optimizer(player).steps()));
  return all;
}

}  // namespace

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
    trainer.context().set_library_convolutions(LibraryConvolutions::all);
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

TEST_CASE("a step in which the host has to wait is several graphs: methods that do not run ahead, and functions of the user's") {
  const auto steady = [](auto& trainer) {
    for (int step = 0; step < 4; ++step) (void)trainer.step(random_images<float, StandIn>({5, 8, 8, 1}, 1));
    (void)stand_in::take_counts();
    for (int step = 0; step < 3; ++step) (void)trainer.step(random_images<float, StandIn>({5, 8, 8, 1}, 1));
    const stand_in::Counts counts = stand_in::take_counts();
    CHECK(counts.graphs_built == 0);
    return counts.graphs_launched / 3;
  };
  GanTrainer silent{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{}, SaysNothing{}};
  CHECK(steady(silent) == 8);
  GanTrainer reduced{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{}};
  reduced.set_gradient_reduction([](Player, Tensor<float, StandIn>&) {});
  CHECK(steady(reduced) == 8);
  GanTrainer repeated{small_generator().to<float, StandIn>(), small_discriminator().to<float, StandIn>(), NonSaturating{},
                      {.phases = {{.player = Player::discriminator, .repeat = 3}, {Player::generator}}}};
  CHECK(steady(repeated) == 1);
}

TEST_CASE("a schedule is asked once for each update, also of those that come again after a step that ended early") {
  const auto outcome = [](bool record) {
    GanTrainer trainer = plain_trainer({.seed = 5, .phases = {{.player = Player::discriminator, .repeat = 2}, {.player = Player::generator, .repeat = 2}},
                                        .record_steps = record, .on_non_finite = OnNonFinite::report});
    std::array<std::vector<double>, 2> asked;
    for (const Player player : {Player::generator, Player::discriminator})
      trainer.set_schedule(player, [&own = asked[static_cast<std::size_t>(player)]](index_t update) {
        own.push_back(static_cast<double>(update));
        return 1 / static_cast<double>(own.size());  // of how often it was asked, not of what
      });
    for (int step = 0; step < 12; ++step) {
      const StepReport report = trainer.step(batch_of(step, step == 5 || step == 6 || step == 9));
      CHECK(report.non_finite.has_value() == (step == 5 || step == 6 || step == 9));
    }
    std::vector<double> all = what_is_left(trainer);
    for (const auto& own : asked) {
      CHECK(own.size() == 18);  // two in each of nine steps
      all.insert(all.end(), own.begin(), own.end());
    }
    return all;
  };
  CHECK(same_bits(outcome(true), outcome(false)));
}

TEST_CASE("a schedule that is set after a step that ended early is asked for the next update") {
  const auto outcome = [](bool record) {
    GanTrainer trainer = plain_trainer({.seed = 5, .record_steps = record, .on_non_finite = OnNonFinite::report});
    for (int step = 0; step < 8; ++step) {
      (void)trainer.step(batch_of(step, step == 5));
      if (step != 5) continue;
      trainer.set_schedule(Player::discriminator, [](index_t) { return 0.5; });
      trainer.set_optimizer(Player::generator, Adam{.learning_rate = 1e-3});
    }
    return what_is_left(trainer);
  };
  CHECK(same_bits(outcome(true), outcome(false)));
}

TEST_CASE("a recorded step whose loss is not finite throws what any other does, leaves the same, and steps go on") {
  const auto outcome = [](bool record) {
    GanTrainer trainer = plain_trainer({.seed = 5, .record_steps = record, .average_decay = 0.7});
    for (int step = 0; step < 9; ++step) {
      if (step != 5) {
        (void)trainer.step(batch_of(step));
        continue;
      }
      CHECK(message_of<NumericError>([&] { (void)trainer.step(batch_of(step, true)); }) ==
            "GanTrainer: step 6: the discriminator's loss is not finite; the first place is the real batch.\n"
            "Lower the learning rates, check the data, or report instead (OnNonFinite).");
      CHECK(trainer.steps() == 6);
    }
    (void)stand_in::take_counts();
    (void)trainer.step(batch_of(9));
    if (record) CHECK(stand_in::take_counts().graphs_launched == 1);
    return what_is_left(trainer);
  };
  CHECK(same_bits(outcome(true), outcome(false)));
}

TEST_CASE("with spectral norm a step is one graph too, and one that ends early leaves vectors, weights and what follows as any other does") {
  const auto outcome = [](bool record) {
    Discriminator d{Sequential{SpectralNorm{Conv2d{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}}, LeakyReLU{0.2}, SpectralNorm{Dense{64, 1}, {.power_iterations = 2}}}};
    GanTrainer trainer{small_generator().to<float, StandIn>(), d.to<float, StandIn>(), Hinge{},
                       {.seed = 5, .record_steps = record, .on_non_finite = OnNonFinite::report}};
    std::vector<double> all;
    for (int step = 0; step < 9; ++step) {
      const bool broken = step == 5;
      const StepReport report = trainer.step(batch_of(step, broken));
      CHECK(report.non_finite.has_value() == broken);
      const auto left = what_is_left(trainer);
      all.insert(all.end(), left.begin(), left.end());
    }
    const Images last = batch_of(9);
    (void)stand_in::take_counts();
    all.push_back(*trainer.step(last).d_loss);
    const stand_in::Counts counts = stand_in::take_counts();
    CHECK(counts.graphs_launched == (record ? 1 : 0));
    CHECK((counts.waits == 1 && counts.queued == 0) == record);
    return all;
  };
  CHECK(same_bits(outcome(true), outcome(false)));
}

TEST_CASE("a run on a GPU that was saved, and goes on in a new trainer or in one that was elsewhere, is the same run") {
  const TemporaryFolder folder;
  const TrainerOptions options{.seed = 5, .average_decay = 0.7};
  const auto go_on = [](auto& trainer) {
    for (int step = 4; step < 9; ++step) (void)trainer.step(batch_of(step));
    (void)stand_in::take_counts();
    (void)trainer.step(batch_of(9));
    CHECK(stand_in::take_counts().graphs_launched == 1);
    return what_is_left(trainer);
  };
  GanTrainer trainer = plain_trainer(options);
  for (int step = 0; step < 4; ++step) (void)trainer.step(batch_of(step));
  save_checkpoint(folder / "run.safetensors", trainer);
  const auto expected = go_on(trainer);

  GanTrainer fresh = plain_trainer({.seed = 1, .average_decay = 0.7});
  load_checkpoint(folder / "run.safetensors", fresh);
  CHECK(same_bits(go_on(fresh), expected));
  load_checkpoint(folder / "run.safetensors", trainer);
  CHECK(same_bits(go_on(trainer), expected));
}

TEST_CASE("what a function of the user's throws ends a recorded step where it ends any other, unless that ended before") {
  const auto outcome = [](bool record) {
    GanTrainer trainer = plain_trainer({.seed = 5, .record_steps = record, .on_non_finite = OnNonFinite::report});
    bool throws = false;
    trainer.set_schedule(Player::generator, [&throws](index_t) { return throws ? throw std::runtime_error("no rate") : 1.0; });
    std::vector<double> all;
    for (int step = 0; step < 10; ++step) {
      throws = step == 4 || step == 6;
      const bool broken = step == 6;
      std::string said;
      try {
        said = trainer.step(batch_of(step, broken)).non_finite ? "not finite" : "";
      } catch (const std::runtime_error& error) {
        said = error.what();
      }
      CHECK(said == (step == 4 ? "no rate" : step == 6 ? "not finite" : ""));
      const auto left = what_is_left(trainer);
      all.insert(all.end(), left.begin(), left.end());
    }
    return all;
  };
  CHECK(same_bits(outcome(true), outcome(false)));
}
