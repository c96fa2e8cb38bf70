// SPDX-License-Identifier: Apache-2.0
#include "peers/peer.hpp"

namespace benchmark {

std::vector<Peer> make_peers(int threads, const std::string& python) {
  return {make_onednn(threads), make_eigen(threads), make_openblas(threads), make_pytorch(threads, python)};
}

}  // namespace benchmark
