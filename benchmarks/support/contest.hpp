// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "support/contender.hpp"
#include "support/fma_peak.hpp"
#include "support/median.hpp"

namespace benchmark {

/// What one contender took, beside the first one and beside the peak of the same rounds.
struct Timing {
  std::string name;
  std::vector<double> seconds;  ///< of one run, for each round
  double median_seconds = 0;
  double against_first = 1;     ///< median over the rounds of the time divided by the first contender's
  double gflops = 0;
  double peak_gflops = 0;       ///< the median of the peaks measured between the turns
  double share_of_peak = 0;
};

/// Contenders take turns, so that what else the machine does hits all of them alike: each round runs every one, several times
/// where it is quick, and the peak is measured after each turn.
class Contest {
 public:
  Contest(int rounds, double milliseconds_a_turn, FmaPeak peak) : rounds_(rounds), turn_(milliseconds_a_turn / 1e3), peak_(peak) {}

  std::vector<Timing> run(const std::vector<Contender>& contenders, double operations) const {
    std::vector<int> repeats;
    for (const Contender& contender : contenders) {
      contender.seconds(1);  // the first run also allocates
      repeats.push_back(1 + static_cast<int>(turn_ / std::max(contender.seconds(1), 1e-7)));
    }

    std::vector<Timing> timings(contenders.size());
    std::vector<double> peaks;
    for (int round = 0; round < rounds_; ++round) {
      for (std::size_t i = 0; i < contenders.size(); ++i) {
        timings[i].seconds.push_back(contenders[i].seconds(repeats[i]) / repeats[i]);
        peaks.push_back(peak_.measure(2));
      }
    }

    for (std::size_t i = 0; i < contenders.size(); ++i) {
      Timing& timing = timings[i];
      std::vector<double> ratios;
      for (std::size_t round = 0; round < timing.seconds.size(); ++round) ratios.push_back(timing.seconds[round] / timings[0].seconds[round]);
      timing.name = contenders[i].name;
      timing.median_seconds = median(timing.seconds);
      timing.against_first = median(ratios);
      timing.gflops = operations / timing.median_seconds / 1e9;
      timing.peak_gflops = median(peaks);
      timing.share_of_peak = timing.gflops / timing.peak_gflops;
    }
    return timings;
  }

 private:
  int rounds_;
  double turn_;
  FmaPeak peak_;
};

}  // namespace benchmark
