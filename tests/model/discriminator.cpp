// SPDX-License-Identifier: Apache-2.0
#include "nash/model/discriminator.hpp"

#include "model/networks.hpp"
#include "nash/nn/layers.hpp"

using namespace nash;

TEST_CASE("a discriminator gives N×(1+C) logits, or is told what to change") {
  const Discriminator plain{Sequential{Dense{12, 1}}}, with_classes{Sequential{Dense{12, 11}}};
  const Discriminator images{Sequential{Conv2d{3, 1}}};
  plain.check_samples({4, 2, 2, 3});
  with_classes.check_samples({4, 12});
  CHECK(message_of<ShapeError>([&] { images.check_samples({4, 5, 5, 3}); }) ==
        "Discriminator: expected a body that gives N×(1+C) logits, got 4×3×3×1 for samples of 4×5×5×3.\nEnd it with Dense{…, 1}.");
  CHECK(message_of<ShapeError>([&] { plain.check_samples({4, 13}); }) ==
        "Dense (layer 0 of Discriminator): expected N×12 inputs, got 4×13.\nBuild Dense{13, 1} or change the layer before it.");
}

TEST_CASE("discriminate runs in inference mode") {
  Discriminator discriminator{Sequential{Dense{2, 2}, BatchNorm{2}, Dropout{0.9}, Dense{2, 1}}};
  discriminator.initialise(1);
  Context<Cpu> context(1);
  const Tensor<float> samples({3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6}), first({1, 2}, std::vector<float>{1, 2});
  Tensor<float> logits, alone;
  discriminator.discriminate(context, samples, logits);
  discriminator.discriminate(context, first, alone);
  CHECK(logits.shape() == Shape{3, 1});
  CHECK(alone[0] == doctest::Approx(logits[0]).epsilon(1e-6));
}
