// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/method_list.hpp"
#include "nash/train/trainer_options.hpp"

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
                     "a method that exchanges fakes with past ones",
                     concat({"leave ", list.names([](const UsedHooks& hooks) { return hooks.exchange_fakes; }), " out"}));
}

/// Whether a method makes sense with a loss that compares both sides. It is a class of each method, so that the compiler's message has the
/// name of the one that does not.
template <class M, class G, class D>
struct GoesWithPairLoss {
  using Work = typename detail::WorkOf<M, G, D>::type;
  static_assert(!ChangesTargets<Work, typename D::Scalar, typename D::Device>,
                "labels can be softened or flipped where a loss takes one logit at a time: leave out the method that GoesWithPairLoss<…> names first, or use another loss");
  static_assert(!WeighsFakes<Work, typename D::Scalar, typename D::Device>,
                "fakes can be weighed where a loss takes one logit at a time: leave out the method that GoesWithPairLoss<…> names first, or use another loss");
  static constexpr bool value = true;
};
template <class L, class M, class G, class D>
constexpr bool goes_with_loss() {
  if constexpr (LogitLoss<L> || is_method_list<M>)
    return true;
  else
    return GoesWithPairLoss<M, G, D>::value;
}

/// Throws ShapeError where methods that were chosen at run time need a loss that takes one logit at a time; of others the compiler knows.
template <class List>
NASH_COLD void check_methods_of_pair_loss(const List& list) {
  const std::string unfit = list.names([](const UsedHooks& hooks) { return hooks.change_targets || hooks.weigh_fakes; });
  if (!unfit.empty())
    throw ShapeError("GanTrainer", "a loss that takes one logit at a time, where labels are softened or flipped or fakes weighed", "one that compares both sides",
                     concat({"leave ", unfit, " out, or use another loss"}));
}

/// Throws ShapeError unless there are real images, of the shape of the generator's samples.
NASH_COLD inline void check_real_images(const Shape& images, const Shape& sample) {
  if (images.rank() == 0 || images.with_samples(1) != sample || images[0] < 1)
    throw ShapeError("GanTrainer", concat({"real images of the generator's shape, N", sample.text().substr(1)}), images.text(),
                     "change the generator's last layers or the data");
}

}  // namespace nash
