// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/trainer_options.hpp"
#include "nash/train/used_hooks.hpp"

namespace nash {

/// Throws ShapeError where a trainer's phases make no sense, or its options, methods and labels do not go together.
template <class List>
NASH_COLD void check_trainer(const List& list, const TrainerOptions& options, index_t classes) {
  const UsedHooks& methods = list.used();
  check_phases(options.phases);
  if (options.reuse_fakes) check_reuse(options.phases);
  if (options.reuse_fakes && methods.takes_part)
    throw ShapeError("GanTrainer", "with reuse_fakes no method that leaves phases out", "one that does", "leave that method or reuse_fakes out");
  if (options.reuse_fakes && methods.change_latents)
    throw ShapeError("GanTrainer", "with reuse_fakes no method that changes latents", "one that does", "leave that method or reuse_fakes out");
  if (methods.exchange_fakes && (methods.recover || classes > 0))
    throw ShapeError("GanTrainer", "each fake with its own label and latent where something depends on them",
                     "a method that exchanges fakes with past ones", "leave ReplayPool out");
}

/// Throws ShapeError where methods that were chosen at run time need a loss that takes one logit at a time; of others the compiler knows.
NASH_COLD inline void check_methods_of_pair_loss(const UsedHooks& methods) {
  if (methods.change_targets || methods.weigh_fakes)
    throw ShapeError("GanTrainer", "a loss that takes one logit at a time, where labels are softened or flipped or fakes weighed", "one that compares both sides",
                     concat({"leave ", methods.change_targets ? "the label methods" : "TopK", " out, or use another loss"}));
}

/// Throws ShapeError unless there are real images, of the shape of the generator's samples.
NASH_COLD inline void check_real_images(const Shape& images, const Shape& sample) {
  if (images.rank() == 0 || images.with_samples(1) != sample || images[0] < 1)
    throw ShapeError("GanTrainer", concat({"real images of the generator's shape, N", sample.text().substr(1)}), images.text(),
                     "change the generator's last layers or the data");
}

}  // namespace nash
