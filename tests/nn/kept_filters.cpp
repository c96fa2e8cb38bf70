// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/kept_filters.hpp"

#include "kernels_once.hpp"
#include "nash/model/dcgan.hpp"
#include "nash/nn/dense.hpp"
#include "nn/checks.hpp"

using namespace nash;

namespace {

/// A generator whose layers pack in every way there is: Dense by panels, transposed convolutions by phases and by minimal filtering.
auto packing_generator(std::uint64_t seed) {
  auto generator = dcgan28_generator({.width = 16});
  generator.initialise(seed);
  return generator;
}

std::vector<float> samples_of(Context<>& context, const auto& generator, index_t count) { return generator.generate(context, RandomStream(3), count).to_host(); }

}  // namespace

TEST_CASE("kept filters give the samples that others give, to the last bit, for every batch and number of threads") {
  const auto generator = packing_generator(1);
  auto discriminator = dcgan28_discriminator({.width = 16});
  discriminator.initialise(2);
  for (const int threads : {1, 3}) {
    Context<> plain(threads), keeping(threads);
    const KeptFilters kept(keeping, generator.parameters()), kept_too(keeping, discriminator.parameters());
    for (int time = 0; time < 3; ++time)
      for (const index_t batch : {1, 2, 7, 64, 200}) {
        const auto samples = generator.generate(plain, RandomStream(5), batch), same = generator.generate(keeping, RandomStream(5), batch);
        CHECK(samples.to_host() == same.to_host());
        Tensor<float> logits, same_logits;
        discriminator.discriminate(plain, samples, logits);
        discriminator.discriminate(keeping, samples, same_logits);
        CHECK(logits.to_host() == same_logits.to_host());
      }
  }
}

TEST_CASE("equal layers have filters of their own") {
  const ConvTranspose2d<float> layer{16, 16, {.kernel = 3, .padding = 1}};
  Generator generator{Latent::normal(5), Sequential{Dense{5, 16 * 36}, Reshape{6, 6, 16}, layer, layer, layer}};
  generator.initialise(1);
  Context<> plain, keeping;
  const KeptFilters kept(keeping, generator.parameters());
  for (const index_t batch : {1, 64}) CHECK(samples_of(plain, generator, batch) == samples_of(keeping, generator, batch));
}

TEST_CASE("filters are packed once, until they are said to have changed") {
  for (const index_t batch : {1, 64}) {
    auto generator = packing_generator(1);
    Context<> context;
    const auto before = samples_of(context, generator, batch);
    {
      KeptFilters kept(context, generator.parameters());
      CHECK(samples_of(context, generator, batch) == before);
      // Behind its back: what is packed stays, so that the samples are neither the old nor the new ones.
      const auto other = packing_generator(9);
      Memory<Cpu>::copy(generator.parameters().data(), other.parameters().data(), static_cast<std::size_t>(other.parameters().count()) * sizeof(float));
      const auto after = samples_of(context, other, batch);
      CHECK(samples_of(context, generator, batch) != after);
      kept.forget();
      CHECK(samples_of(context, generator, batch) == after);
      CHECK(samples_of(context, generator, batch) == after);
    }
    auto changed = packing_generator(4);
    const auto fresh = samples_of(context, changed, batch);
    Memory<Cpu>::copy(generator.parameters().data(), changed.parameters().data(), static_cast<std::size_t>(changed.parameters().count()) * sizeof(float));
    CHECK(samples_of(context, generator, batch) == fresh);  // without it nothing is kept
  }
}

TEST_CASE("whatever is kept of the same parameters is forgotten together") {
  for (const bool by_inner : {true, false}) {
    auto generator = packing_generator(1);
    const auto other = packing_generator(9);
    Context<> context;
    KeptFilters outer(context, generator.parameters()), inner(context, generator.parameters());
    samples_of(context, generator, 1);
    Memory<Cpu>::copy(generator.parameters().data(), other.parameters().data(), static_cast<std::size_t>(other.parameters().count()) * sizeof(float));
    (by_inner ? inner : outer).forget();
    CHECK(samples_of(context, generator, 1) == samples_of(context, other, 1));
  }
}

TEST_CASE("kept filters go along with a context that is moved, and may outlive it") {
  const auto generator = packing_generator(1);
  std::optional<KeptFilters<float, Cpu>> kept;
  {
    Context<> first;
    kept.emplace(first, generator.parameters());
    const auto samples = samples_of(first, generator, 1);
    Context<> second = std::move(first);
    CHECK(second.filter_stores()->size() == 1);
    CHECK(samples_of(second, generator, 1) == samples);
    kept.reset();
    CHECK(second.filter_stores()->empty());
    CHECK(samples_of(second, generator, 1) == samples);
    kept.emplace(second, generator.parameters());
  }
  kept->forget();
}

TEST_CASE("a form whose packing did not come about is packed by the next call") {
  const std::vector<float> weights(4);
  FilterStore store(weights.data(), weights.data() + weights.size());
  const FilterStore::Form form{1, 2, 3};
  const FilterStore::Place tried = store.find(weights.data() + 1, form, 64);
  CHECK_FALSE(tried.is_packed);
  CHECK_FALSE(store.find(weights.data() + 1, form, 64).is_packed);
  store.set_packed(tried);
  CHECK(store.find(weights.data() + 1, form, 64).is_packed);
  CHECK(store.find(weights.data() + 1, form, 64).memory == tried.memory);
  CHECK_FALSE(store.find(weights.data() + 1, form, 128).is_packed);
  CHECK_FALSE(store.find(weights.data(), form, 64).is_packed);
  CHECK(store.find(weights.data() + 1, form, 64).memory == tried.memory);  // although there are others now
  store.forget();
  CHECK_FALSE(store.find(weights.data() + 1, form, 64).is_packed);
}

TEST_CASE("only the network that was named is kept, and one more may be at the same time") {
  auto first = packing_generator(1), second = packing_generator(2), third = packing_generator(3);
  Context<> context;
  const auto expected = samples_of(context, second, 4);
  const KeptFilters kept(context, first.parameters());
  {
    const KeptFilters inner(context, third.parameters());
    CHECK(samples_of(context, first, 4) != samples_of(context, third, 4));
    CHECK(context.filter_stores()->size() == 2);
  }
  CHECK(context.filter_stores()->size() == 1);
  CHECK(samples_of(context, second, 4) == expected);
  Memory<Cpu>::copy(second.parameters().data(), third.parameters().data(), static_cast<std::size_t>(third.parameters().count()) * sizeof(float));
  CHECK(samples_of(context, second, 4) == samples_of(context, third, 4));
}

TEST_CASE("a device that does not pack has nothing to keep") {
  const auto generator = packing_generator(1).to<double, Reference>();
  Context<Reference> context;
  const auto before = generator.generate(context, RandomStream(1), 1).to_host();
  KeptFilters kept(context, generator.parameters());
  CHECK(generator.generate(context, RandomStream(1), 1).to_host() == before);
  kept.forget();
}
