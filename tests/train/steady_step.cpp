// SPDX-License-Identifier: Apache-2.0
#include "allocations.hpp"
#include "nash/loss/minimax.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

/// Allocations of ten steps, after two that may.
template <class Trainer>
std::int64_t allocations_of(Trainer& trainer, const std::vector<index_t>& sizes) {
  std::vector<Tensor<float>> batches;
  for (const index_t samples : sizes) batches.push_back(random_images({samples, 8, 8, 1}));
  const auto one_round = [&] {
    for (const auto& batch : batches) (void)trainer.step(batch);
  };
  one_round();
  one_round();
  const std::int64_t before = allocation_count();
  for (int round = 0; round < 10; ++round) one_round();
  return allocation_count() - before;
}

}  // namespace

TEST_CASE("allocations are counted, in every form of operator new") {
  if (!counts_allocations()) return;
  const std::int64_t before = allocation_count();
  // Called as functions: a new expression may be left out.
  ::operator delete(::operator new(1));
  ::operator delete[](::operator new[](1));
  ::operator delete(::operator new(1, std::align_val_t{64}), std::align_val_t{64});
  ::operator delete[](::operator new[](1, std::align_val_t{64}), std::align_val_t{64});
  ::operator delete(::operator new(1, std::nothrow));
  ::operator delete[](::operator new[](1, std::nothrow));
  ::operator delete(::operator new(1, std::align_val_t{64}, std::nothrow), std::align_val_t{64});
  ::operator delete[](::operator new[](1, std::align_val_t{64}, std::nothrow), std::align_val_t{64});
  CHECK(allocation_count() - before == 8);
}

TEST_CASE("a steady training step allocates nothing") {
  if (!counts_allocations()) {
    MESSAGE("not counted: the sanitizer has an operator new of its own");
    return;
  }
  for (const int threads : {1, 2}) {
    GanTrainer trainer{small_generator(32), small_discriminator(24), NonSaturating{}, {.average_decay = 0.9, .threads = threads}};
    CHECK(allocations_of(trainer, {50}) == 0);
    CHECK(allocations_of(trainer, {50, 3, 17}) == 0);
    GanTrainer reusing{small_generator(32), small_discriminator(24), NonSaturating{}, {.reuse_fakes = true, .threads = threads}};
    CHECK(allocations_of(reusing, {50, 3, 17}) == 0);
  }
}

TEST_CASE("nor does one with a skip, spectral norm, maxout, nested networks, phases, or layers of run time") {
  if (!counts_allocations()) return;
  const auto discriminator = [] {
    return Discriminator{Sequential{SpectralNorm{Conv2d{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}}, LeakyReLU{0.2},
                                    Residual{Sequential{Conv2d{4, 4, {.kernel = 3, .padding = 1}}, BatchNorm{4}, ReLU{}}}, Flatten{},
                                    Sequential{SpectralNorm{Maxout{64, 8, {.pieces = 3}}}, Dropout{0.5}}, MinibatchDiscrimination{8, 2}, SpectralNorm{Dense{10, 1}}}};
  };
  GanTrainer trainer{small_generator(), discriminator(), Minimax{},
                     {.phases = {{Player::discriminator}, {.player = Player::generator, .every = 2, .repeat = 2}}}};
  CHECK(allocations_of(trainer, {6, 5}) == 0);

  const auto any = [](const auto& network) { return LayerRegistry<float>::standard().build_network(network.body().describe()); };
  GanTrainer built{Generator{Latent::truncated_normal(6), any(small_generator())}, Discriminator{any(discriminator())}, Minimax{}};
  CHECK(allocations_of(built, {6, 5}) == 0);
}

TEST_CASE("drawing samples again allocates nothing") {
  if (!counts_allocations()) return;
  GanTrainer trainer{small_generator(), small_discriminator(), NonSaturating{}, {.average_decay = 0.9}};
  const auto latents = random_images({16, 6});
  Tensor<float> samples;
  trainer.generate(latents, samples);
  trainer.generate(latents, samples);
  const std::int64_t before = allocation_count();
  for (int i = 0; i < 5; ++i) trainer.generate(latents, samples);
  CHECK(allocation_count() == before);
}
