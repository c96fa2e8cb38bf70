// SPDX-License-Identifier: Apache-2.0
#include "peers/peer.hpp"

namespace benchmark {

Peer make_openblas(int) { return {.name = "OpenBLAS", .version = ""}; }

}  // namespace benchmark
