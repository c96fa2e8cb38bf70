// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// How often any form of the global operator new was called so far, by any thread. allocations.cpp replaces them all, except
/// under sanitizers, which need their own: there the count stays 0.
std::int64_t allocation_count();

/// Whether this build counts.
bool counts_allocations();
