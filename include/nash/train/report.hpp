// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "nash/nn/state_name.hpp"
#include "nash/train/phase.hpp"

namespace nash {

/// Something that is not a finite number, found before it could reach a parameter.
struct NonFinite {
  index_t step;
  Player player;       ///< whose update was being computed
  std::string what;    ///< "loss", "gradient of '3.weight'", …
  std::string origin;  ///< the first place that is not finite: "the real batch", "layer 2 (BatchNorm) of Discriminator", …

  std::string text() const {
    return concat({"step ", step, ": the ", name_of(player), "'s ", what, " is not finite; the first place is ", origin});
  }
};

/// What one step did. A field is empty where its phase did not run; a repeated phase reports its last repetition.
struct StepReport {
  index_t step = 0;               ///< the number of this step, from 1
  std::optional<double> d_loss;   ///< the discriminator's loss: its real term and its fake term, each a mean over the batch
  std::optional<double> g_loss;   ///< the generator's loss
  std::optional<double> d_added, g_added;  ///< what methods added to each player's loss; empty where no method adds a term
  std::optional<double> d_real;   ///< the mean of D(x) = σ(logit) over the real batch
  std::optional<double> d_fake;   ///< the mean of D(G(z)) over the fakes that the discriminator was trained on
  std::optional<double> d_gradient_norm, g_gradient_norm;  ///< Euclidean, over all of a player's parameters
  std::optional<NonFinite> non_finite;                     ///< the step ended here and the player's parameters
                                                           ///< were not updated

  /// visitor(name, number) for each of its numbers: for checkpoints.
  template <class Self, class Visitor>
  NASH_COLD static void visit_state(Self& self, Visitor&& visit) {
    visit("step", self.step);
    visit("d_loss", self.d_loss);
    visit("g_loss", self.g_loss);
    visit("d_added", self.d_added);
    visit("g_added", self.g_added);
    visit("d_real", self.d_real);
    visit("d_fake", self.d_fake);
    visit("d_gradient_norm", self.d_gradient_norm);
    visit("g_gradient_norm", self.g_gradient_norm);
  }
};

}  // namespace nash
