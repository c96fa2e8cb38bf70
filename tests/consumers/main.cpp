// SPDX-License-Identifier: Apache-2.0
// The program of all consumers: it uses nash as a user would.
#include <cstdio>

#include "nash/core/random.hpp"
#include "nash/tensor/tensor.hpp"

int main() {
  const nash::RandomStream random(42);
  nash::Tensor<float> latent(nash::Shape{8, 100});
  for (nash::index_t i = 0; i < latent.count(); ++i) latent[i] = static_cast<float>(random.normal(i));

  std::printf("%s, first value %.3f\n", latent.shape().text().c_str(), static_cast<double>(latent[0]));
  return latent.count() == 800 ? 0 : 1;
}
