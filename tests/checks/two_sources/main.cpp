// SPDX-License-Identifier: Apache-2.0
#include "everything.hpp"

// In other.cpp, which includes every header too: what a header defines must be inline, or these two do not link.
nash::index_t count_elsewhere();

int main() { return count_elsewhere() == nash::Tensor<float>(nash::Shape{2, 3}).count() ? 0 : 1; }
