// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <fstream>
#include <thread>

#include "peers/peer.hpp"
#include "support/bandwidth.hpp"
#include "support/contest.hpp"
#include "support/instruction_set.hpp"

namespace benchmark {

/// What the machine can do now, and who is there.
struct Machine {
  int threads;
  nash::InstructionSet instruction_set;
  double peak_gflops, bandwidth;
  std::vector<Peer> peers;
};

/// Prints measurements as they come and keeps them for a file in JSON.
class Record {
 public:
  explicit Record(Machine machine) : machine_(std::move(machine)) {
    std::printf("%s, %d of %u threads, %s: FMA peak %.0f GFLOP/s, memory %.1f GB/s\n", processor().c_str(), machine_.threads,
                std::thread::hardware_concurrency(), name_of(machine_.instruction_set), machine_.peak_gflops, machine_.bandwidth);
    for (const Peer& peer : machine_.peers)
      std::printf("%s: %s\n", peer.name.c_str(), peer.version.empty() ? "skipped, since it is not here" : peer.version.c_str());
    std::printf("\n%-18s %-22s %-12s %10s %9s %7s %12s\n", "case", "direction", "by", "ms", "GFLOP/s", "peak", "against nash");
    std::printf("%-18s %-22s %-12s %10s %9s %7s\n", "", "of maps and sums", "", "", "GB/s", "memory");
  }

  /// What does no operations that are worth counting is set beside the rate of memory.
  void add(const std::string& name, const std::string& kind, const std::string& direction, double operations, double bytes,
           const std::vector<Timing>& timings) {
    peaks_.push_back(timings[0].peak_gflops);
    for (const Timing& timing : timings) {
      const double gb_per_s = bytes / timing.median_seconds / 1e9, share_of_memory = gb_per_s / machine_.bandwidth;
      std::printf("%-18s %-22s %-12s %10.4f %9.1f %5.1f %% %12.2f\n", name.c_str(), direction.c_str(), timing.name.c_str(),
                  timing.median_seconds * 1e3, operations > 0 ? timing.gflops : gb_per_s,
                  100 * (operations > 0 ? timing.share_of_peak : share_of_memory), timing.against_first);
      std::string rounds;
      for (const double seconds : timing.seconds) rounds += nash::concat({rounds.empty() ? "" : ", ", seconds * 1e3});
      results_.push_back(nash::concat({"{\"case\": \"", name, "\", \"kind\": \"", kind, "\", \"direction\": \"", direction, "\", \"by\": \"", timing.name,
                                      "\", \"operations\": ", operations, ", \"bytes\": ", bytes, ", \"median_ms\": ", timing.median_seconds * 1e3,
                                      ", \"gflops\": ", timing.gflops, ", \"share_of_peak\": ", timing.share_of_peak,
                                      ", \"gb_per_s\": ", gb_per_s, ", \"share_of_memory\": ", share_of_memory,
                                      ", \"time_against_nash\": ", timing.against_first, ", \"rounds_ms\": [", rounds, "]}"}));
    }
    std::fflush(stdout);
  }

  std::string json() const {
    std::string peers, results;
    for (const Peer& peer : machine_.peers)
      peers += nash::concat({peers.empty() ? "" : ", ", "\"", peer.name, "\": ", peer.version.empty() ? "null" : "\"" + peer.version + "\""});
    for (const std::string& result : results_) results += nash::concat({results.empty() ? "\n    " : ",\n    ", result});
    return nash::concat({"{\n  \"processor\": \"", processor(), "\",\n  \"threads\": ", machine_.threads, ",\n  \"instruction_set\": \"",
                        name_of(machine_.instruction_set), "\",\n  \"compiler\": \"", compiler, "\",\n  \"peak_gflops\": ", median(peaks_),
                        ",\n  \"bandwidth_gb_per_s\": ", machine_.bandwidth, ",\n  \"peers\": {", peers, "},\n  \"results\": [", results, "\n  ]\n}\n"});
  }

  const Machine& machine() const { return machine_; }
  bool has_results() const { return !results_.empty(); }

 private:
  static constexpr const char* compiler = NASH_COMPILER;

  static std::string processor() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
    return "unknown processor";
  }

  Machine machine_;
  std::vector<std::string> results_;
  std::vector<double> peaks_;  // of each case; their median is the one in the file, since the first ones may come at a bad moment
};

}  // namespace benchmark
