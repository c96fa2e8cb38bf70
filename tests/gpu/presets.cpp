// SPDX-License-Identifier: Apache-2.0
#include "gpu/method_runs.hpp"

using namespace nash;

namespace {

using Device = DeviceUnderTest;

/// The trainers of both papers' presets, with bounds and phases that a few steps come to. The rate is low enough that float's rounding of gradients
/// that are nearly 0, which RMSProp makes steps of, stays below the tolerance.
struct MakeWgan {
  template <class G, class D>
  auto operator()(G g, D d, TrainerOptions options) const {
    return wgan_trainer(std::move(g), std::move(d), std::move(options), {.clip = 0.1, .optimizer = {.learning_rate = 1e-4}, .n_critic = 2});
  }
};
struct MakeWganGp {
  template <class G, class D>
  auto operator()(G g, D d, TrainerOptions options) const {
    return wgan_gp_trainer(std::move(g), std::move(d), std::move(options), {.n_critic = 2});
  }
};

template <class T, class D, class Make>
std::vector<T> run_preset(bool record, const Make& make) {
  auto trainer = make(small_generator<T>().template to<T, D>(), curved_discriminator<T, false>().template to<T, D>(), {.seed = 3, .record_steps = record});
  if constexpr (requires { trainer.context().set_exact_products(true); }) trainer.context().set_exact_products(true);
  return state_after(trainer, 5, {6, 8, 8, 1});
}

}  // namespace

TEST_CASE_TEMPLATE("the presets of WGAN and of WGAN-GP, with their optimisers and steps, are on a GPU what they are elsewhere", Make, MakeWgan, MakeWganGp) {
  CHECK(relative_difference(run_preset<double, Device>(true, Make{}), run_preset<double, Reference>(true, Make{})) < 1e-7);
  const auto recorded = run_preset<float, Device>(true, Make{});
  CHECK(same_bits(recorded, run_preset<float, Device>(false, Make{})));
  CHECK(relative_difference(recorded, run_preset<float, Cpu>(true, Make{})) < 1e-2);
}
