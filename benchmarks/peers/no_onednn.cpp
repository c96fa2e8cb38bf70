// SPDX-License-Identifier: Apache-2.0
#include "peers/peer.hpp"

namespace benchmark {

Peer make_onednn(int) { return {.name = "oneDNN", .version = ""}; }

}  // namespace benchmark
