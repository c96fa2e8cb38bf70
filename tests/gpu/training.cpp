// SPDX-License-Identifier: Apache-2.0
#include "gpu/device_under_test.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

using Device = DeviceUnderTest;

/// The non-saturating loss, with terms that are broken, by value or by slope, where a logit lies above a threshold.
struct BreaksAbove : NonSaturating {
  double real_limit, fake_limit, generator_limit;
  bool slope_alone;
  NASH_HOST_DEVICE LossValue broken(double l, double limit, LossValue found) const {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    if (l <= limit) return found;
    return {slope_alone ? found.value : nan, nan};
  }
  NASH_HOST_DEVICE LossValue real(double l) const { return broken(l, real_limit, NonSaturating::real(l)); }
  NASH_HOST_DEVICE LossValue fake(double l) const { return broken(l, fake_limit, NonSaturating::fake(l)); }
  NASH_HOST_DEVICE LossValue generator(double l) const { return broken(l, generator_limit, NonSaturating::generator(l)); }
};

/// What a trainer of two small players reports and leaves behind.
struct Run {
  std::vector<double> reports, state;
};

template <class T, class D>
Run run(const TrainerOptions& options, int steps, const std::vector<index_t>& sizes = {5}, bool exact = true) {
  GanTrainer trainer{small_generator<T>().template to<T, D>(), small_discriminator<T>().template to<T, D>(), NonSaturating{}, options};
  if constexpr (requires { trainer.context().set_exact_products(exact); }) trainer.context().set_exact_products(exact);
  Run result;
  for (int step = 0; step < steps; ++step) {
    const index_t samples = sizes[static_cast<std::size_t>(step) % sizes.size()];
    const StepReport report = trainer.step(random_images<T, D>({samples, 8, 8, 1}, static_cast<std::uint64_t>(step)));
    for (const auto& value : {report.d_loss, report.g_loss, report.d_real, report.d_fake, report.d_gradient_norm, report.g_gradient_norm})
      if (value) result.reports.push_back(*value);
  }
  const auto add = [&](const auto& network) {
    const auto values = state_values(network);
    result.state.insert(result.state.end(), values.begin(), values.end());
  };
  add(trainer.generator()), add(trainer.discriminator()), add(trainer.sampling_generator());
  return result;
}

}  // namespace

TEST_CASE("a run on a GPU is that on the Reference device") {
  const TrainerOptions options{.seed = 7, .average_decay = 0.7};
  const Run here = run<double, Device>(options, 4), there = run<double, Reference>(options, 4);
  CHECK(relative_difference(here.reports, there.reports) < 1e-9);
  CHECK(relative_difference(here.state, there.state) < 1e-8);
}

TEST_CASE("a run on a GPU gives the same bits twice, and in float what the Cpu gives") {
  const TrainerOptions options{.seed = 7, .average_decay = 0.7};
  const Run here = run<float, Device>(options, 4), again = run<float, Device>(options, 4);
  CHECK(same_bits(here.reports, again.reports));
  CHECK(same_bits(here.state, again.state));
  CHECK(relative_difference(here.reports, run<float, Cpu>(options, 4).reports) < 1e-3);
}

TEST_CASE("recorded steps give the same bits as those that run one operation at a time") {
  const std::vector<Phase> phases{{Player::discriminator}, {.player = Player::generator, .every = 2}};
  for (const auto& [options, sizes] : {std::pair<TrainerOptions, std::vector<index_t>>{{.seed = 7, .average_decay = 0.7}, {5}},
                                       {{.seed = 3, .reuse_fakes = true}, {5, 3}},
                                       {{.seed = 4, .phases = phases}, {4}}}) {
    TrainerOptions plain = options;
    plain.record_steps = false;
    const Run recorded = run<float, Device>(options, 9, sizes, false), direct = run<float, Device>(plain, 9, sizes, false);
    CHECK(same_bits(recorded.reports, direct.reports));
    CHECK(same_bits(recorded.state, direct.state));
  }
}

TEST_CASE("a steady step on a GPU asks its driver for no memory") {
  GanTrainer trainer{small_generator().to<float, Device>(), small_discriminator().to<float, Device>(), NonSaturating{}, {.average_decay = 0.7}};
  const auto images = random_images<float, Device>({5, 8, 8, 1}, 1);
  for (int step = 0; step < 4; ++step) (void)trainer.step(images);
  const index_t before = trainer.context().gpu().pool().driver_allocations();
  for (int step = 0; step < 6; ++step) (void)trainer.step(images);
  CHECK(trainer.context().gpu().pool().driver_allocations() == before);
}

TEST_CASE("a number that is not finite ends a recorded step where it ends any other, and steps go on after it") {
  const auto outcome = [](bool record) {
    GanTrainer trainer{small_generator().to<float, Device>(), small_discriminator().to<float, Device>(), NonSaturating{},
                       {.seed = 7, .record_steps = record, .on_non_finite = OnNonFinite::report}};
    std::vector<double> reports;
    std::string texts;
    for (int step = 0; step < 8; ++step) {
      std::vector<float> values(5 * 64, step == 4 ? std::nanf("") : 0.1f * static_cast<float>(step));
      const StepReport report = trainer.step(Tensor<float, Device>({5, 8, 8, 1}, values));
      reports.push_back(report.g_loss.value_or(-1));
      if (report.non_finite) texts += report.non_finite->text();
    }
    const auto state = state_values(trainer.generator());
    reports.insert(reports.end(), state.begin(), state.end());
    CHECK(texts == "step 5: the discriminator's loss is not finite; the first place is the real batch");
    return reports;
  };
  CHECK(same_bits(outcome(true), outcome(false)));
}

TEST_CASE("whatever is not finite, in whichever term and update, a recorded step ends as any other does") {
  constexpr double never = 1e30;
  const auto outcome = [](const BreaksAbove& loss, const std::vector<Phase>& phases, bool reuse, bool record) {
    GanTrainer trainer{small_generator().to<float, Device>(), small_discriminator().to<float, Device>(), loss,
                       {.seed = 7, .phases = phases, .reuse_fakes = reuse, .record_steps = record, .average_decay = 0.7, .on_non_finite = OnNonFinite::report}};
    std::pair<std::vector<double>, std::string> found;
    for (int step = 0; step < 12; ++step) {
      const StepReport report = trainer.step(random_images<float, Device>({5, 8, 8, 1}, static_cast<std::uint64_t>(step)));
      for (const auto& value : {report.d_loss, report.g_loss, report.d_real, report.d_fake, report.d_gradient_norm, report.g_gradient_norm})
        found.first.push_back(value.value_or(-1));
      found.second += report.non_finite ? report.non_finite->text() + "\n" : "";
    }
    const auto add = [&](const auto& network) {
      const auto values = state_values(network);
      found.first.insert(found.first.end(), values.begin(), values.end());
    };
    add(trainer.generator()), add(trainer.discriminator()), add(trainer.sampling_generator());
    for (const Player player : {Player::generator, Player::discriminator}) found.first.push_back(static_cast<double>(trainer.optimizer(player).steps()));
    return found;
  };
  const std::vector<Phase> turns{{Player::discriminator}, {Player::generator}};
  const std::vector<Phase> repeated{{.player = Player::discriminator, .repeat = 2}, {.player = Player::generator, .repeat = 2}};
  const std::vector<Phase> twice{{Player::discriminator}, {Player::generator}, {Player::discriminator}, {Player::generator}};
  for (const bool slope_alone : {false, true})
    for (const int term : {0, 1, 2}) {
      int mixed = 0;  // runs in which some steps ended early, and others did not
      for (const double limit : {0.5, 1.0, 1.5})
        for (const int kind : {0, 1, 2, 3}) {  // turns, with fakes of the discriminator's update, repeated updates, turns twice with such fakes
          const std::vector<Phase>& phases = kind == 2 ? repeated : kind == 3 ? twice : turns;
          const bool reuse = kind == 1 || kind == 3;
          CAPTURE(slope_alone);
          CAPTURE(term);
          CAPTURE(limit);
          CAPTURE(kind);
          const BreaksAbove loss{{}, term == 0 ? limit : never, term == 1 ? limit : never, term == 2 ? limit : never, slope_alone};
          const auto recorded = outcome(loss, phases, reuse, true), direct = outcome(loss, phases, reuse, false);
          CHECK(recorded.second == direct.second);
          CHECK(same_bits(recorded.first, direct.first));
          const auto ended = std::count(direct.second.begin(), direct.second.end(), '\n');
          mixed += ended > 0 && ended < 12 ? 1 : 0;
        }
      CHECK(mixed > 0);
    }
}
