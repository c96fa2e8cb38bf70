// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place where the version lives; CMakeLists.txt reads it from here.
#define NASH_VERSION_MAJOR 0
#define NASH_VERSION_MINOR 1
#define NASH_VERSION_PATCH 0
