// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/standard_fusions.hpp"

#include <doctest/doctest.h>

#include "nash/nn/batch_norm.hpp"
#include "nash/nn/dropout.hpp"

using namespace nash;

namespace {

template <class First, class Second>
const FusionTable<float, Cpu>* by_tables() {
  return standard_fusion<float, Cpu>(&second_order_table<First>, &second_order_table<Second>);
}

/// Whether a pair is found by its tables as by its types, and is there at all where it should be.
template <class First, class Second>
void check(bool is_one) {
  CHECK(by_tables<First, Second>() == (fusion_table<First, Second>()));
  CHECK((by_tables<First, Second>() != nullptr) == is_one);
}

}  // namespace

TEST_CASE("pairs of nash's layers run as one by their tables where they do by their types") {
  check<BatchNorm<>, ReLU<>>(true);
  check<BatchNorm<>, LeakyReLU<>>(true);
  check<Conv2d<>, Tanh<>>(true);
  check<ConvTranspose2d<>, Sigmoid<>>(true);
  check<Dense<>, Softplus<>>(true);
  check<ReLU<>, Conv2d<>>(true);
  check<LeakyReLU<>, Dense<>>(true);
}

TEST_CASE("others do not") {
  CHECK((by_tables<ReLU<>, BatchNorm<>>()) == nullptr);
  CHECK((by_tables<Dense<>, Dense<>>()) == nullptr);
  CHECK((by_tables<Dense<>, Dropout<>>()) == nullptr);
  CHECK((by_tables<ReLU<>, Tanh<>>()) == nullptr);
}
