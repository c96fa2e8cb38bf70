// SPDX-License-Identifier: Apache-2.0
#include "kernels_once.hpp"

NASH_TEST_KERNELS(template)
