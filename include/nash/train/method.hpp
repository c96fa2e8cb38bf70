// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tuple>
#include <vector>

#include "nash/loss/loss.hpp"
#include "nash/nn/layer.hpp"
#include "nash/nn/state_name.hpp"
#include "nash/train/phase.hpp"
#include "nash/train/probability.hpp"
#include "nash/train/report.hpp"
#include "nash/train/unread_value.hpp"

namespace nash {

/// What a method is told about the update of a player that it takes part in.
template <class Device>
struct Update {
  Context<Device>& context;
  Player player;        ///< whose update it is
  index_t step;         ///< the trainer's, from 1
  index_t repetition;   ///< the player's updates before it in the same step
  RandomStream random;  ///< the method's own in this update
  LabelView labels{};   ///< of the real batch and of the fakes alike, where anybody depends on them
  std::vector<UnreadValue>* unread = nullptr;  ///< where the host looks at the step's end: see sum_later
};

/// to += Σᵢ f(i), for a number that a method looks at when the step is over, in after_step: on a GPU the host need not wait for it within. It is
/// one that the method's visit_state names.
template <class Device, class Function>
void sum_later(const Update<Device>& update, index_t count, const Function& f, double& to) {
  if constexpr (requires { update.context.readings_so_far(); }) {
    if (update.unread != nullptr) {
      const index_t reading = update.context.readings_so_far();
      const auto later = update.context.read_later(true);
      (void)sum(update.context, count, f);
      return update.unread->push_back({UnreadValue::Kind::counted, reading, 1, &to});
    }
  }
  to += sum(update.context, count, f);
}

/// Where the images come from that the discriminator is about to see.
enum class ImageSource { real, generated };

/// A *method* is a regulariser or a trick: an object that is given to a GanTrainer after its loss and its options, in a file of its
/// own with its paper. It has any of the hooks below, as members; a hook that no method has costs nothing.
///
/// A method that needs memory or types of the networks keeps them in `Method::Work<G, D>`, made from (method, generator,
/// discriminator) when the trainer is; then it is that which has the hooks. There it also refuses networks that it makes no sense
/// with, by a static_assert or, for those built at run time, by an Error.
///
/// In the order of a step, with T and Device those of the networks:
///
///     takes_part(phase, last)                      whether a phase of this step runs, given the last step's report
///     change_latents(update, G, D, z)              the latents that G gets, in place
///     change_latents_backward(update, G, D, d_z, gradients)
///                                                  d_z: the loss's gradient by the changed latents. Adds that by the player's parameters,
///                                                  as far as the change depends on them, and returns the value of a term of its own
///     change_images(update, source, images)        the images that D sees, in place; the caller's batch stays as it is
///     change_images_backward(update, source, d)    their cotangent, in place; without this hook the change is additive
///     change_targets(update, term, targets)        N shares of the real label, at first 1 on real rows and 0 on fakes (LossRows)
///     weigh_fakes(update, logits, weights)         N weights of the fakes in the generator's loss, at first 1
///     add_to_loss(update, term, logits, d_logits)  a term of the logits: returns its value, adds its gradient
///     recover(update, latents, logits, d_logits)   a term of the fakes' logits and the latents that they were made of, likewise
///     penalise(update, D, real, fakes, gradients)  a term of D: returns its value, adds its gradient by D's parameters
///     match(update, D, real, fakes, d_fakes)       a term of G by way of its fakes: returns its value, adds its gradient
///     add_parameter_term(update, network, g)       a term of the parameters of the player whose update it is, likewise
///     after_update(update, network)                the parameters have moved and may be moved again
///     after_step(step, report)                     to the host, at the end of a step
///     classes()                                    how many classes it knows: above 0 it is told labels, and needs them
///     M::visit_state(method, visitor)              visitor(name, state) for all that it carries from step to step, so that a checkpoint has
///                                                  it: a Tensor<T, Device>, double, Probability, or index_t from 0, or a Tensor<double, Device>
///                                                  of a few numbers. A Tensor<T, Device> that is empty at first gets the checkpoint's shape
///
/// A method that a hook may change, which is not const, has visit_state or says that it carries nothing from step to step, as one does
/// whose memory is made anew in each: static constexpr bool carries_nothing = true. So nothing is forgotten, or misspelt, in silence.
/// Its `static constexpr const char* name` is what checkpoints name it by; without one it is its type as the compiler writes it.
///
/// A method that gives D other fakes than those of this update says so: static constexpr bool exchanges_fakes = true.
///
/// On a GPU a step is one graph that the host does not wait within, unless a method has to be waited for. A method *runs ahead* that
/// says so by `static constexpr bool runs_ahead = true;`. It promises that
///
/// - each term that it returns is a factor times one sum, or a number that the host knew without one (sum, in kernels/reduce.hpp; WeightedSums
///   makes one of several), and that nothing else depends on a sum that the host reads: sum_into leaves one where only the device needs it,
///   sum_later adds one to a number that after_step looks at;
/// - what it carries from step to step are numbers that visit_state names, which are put back where an update comes to nothing since something was
///   not finite, and tensors that after_update alone changes, by pointwise operations.
///
/// What it does may differ from step to step, as that of a lazy penalty does: each kind of step is a graph.
///
/// Hooks are templates or plain members, whatever the calls fit; images are those that D sees. Methods act in their order.
template <class M, class Device>
concept TakesPart = requires(M& m, const Phase& phase, const StepReport& last) {
  { m.takes_part(phase, last) } -> std::same_as<bool>;
};
template <class M, class G, class D>
concept ChangesLatents = requires(M& m, const Update<typename D::Device>& update, const G& g, const D& d,
                                  Tensor<typename D::Scalar, typename D::Device>& z) { m.change_latents(update, g, d, z); };
template <class M, class G, class D>
concept ChangesLatentsBackward = requires(M& m, const Update<typename D::Device>& update, const G& g, const D& d,
                                          const Tensor<typename D::Scalar, typename D::Device>& d_z,
                                          Gradients<typename D::Scalar, typename D::Device>& gradients) {
  { m.change_latents_backward(update, g, d, d_z, gradients) } -> std::same_as<double>;
};
template <class M, class T, class Device>
concept ChangesImages = requires(M& m, const Update<Device>& update, Tensor<T, Device>& images) {
  m.change_images(update, ImageSource::real, images);
};
template <class M, class T, class Device>
concept ChangesImagesBackward = requires(M& m, const Update<Device>& update, Tensor<T, Device>& d) {
  m.change_images_backward(update, ImageSource::real, d);
};
template <class M, class T, class Device>
concept ChangesTargets = requires(M& m, const Update<Device>& update, Tensor<T, Device>& targets) {
  m.change_targets(update, LossTerm::real, targets);
};
template <class M, class T, class Device>
concept WeighsFakes = requires(M& m, const Update<Device>& update, const Tensor<T, Device>& logits, Tensor<T, Device>& weights) {
  m.weigh_fakes(update, logits, weights);
};
template <class M, class T, class Device>
concept AddsToLoss = requires(M& m, const Update<Device>& update, const Tensor<T, Device>& logits, Tensor<T, Device>& d_logits) {
  { m.add_to_loss(update, LossTerm::real, logits, d_logits) } -> std::same_as<double>;
};
template <class M, class T, class Device>
concept Recovers = requires(M& m, const Update<Device>& update, const Tensor<T, Device>& latents, Tensor<T, Device>& d_logits) {
  { m.recover(update, latents, latents, d_logits) } -> std::same_as<double>;
};
template <class M>
concept KnowsClasses = requires(const M& m) {
  { m.classes() } -> std::same_as<index_t>;
};
template <class M>
concept ExchangesFakes = M::exchanges_fakes;
template <class M>
concept RunsAhead = M::runs_ahead;
template <class M, class D>
concept Penalises = requires(M& m, const Update<typename D::Device>& update, const D& d, const Tensor<typename D::Scalar, typename D::Device>& images,
                             Gradients<typename D::Scalar, typename D::Device>& gradients) {
  { m.penalise(update, d, images, images, gradients) } -> std::same_as<double>;
};
template <class M, class D>
concept Matches = requires(M& m, const Update<typename D::Device>& update, const D& d, const Tensor<typename D::Scalar, typename D::Device>& images,
                           Tensor<typename D::Scalar, typename D::Device>& d_fakes) {
  { m.match(update, d, images, images, d_fakes) } -> std::same_as<double>;
};
template <class M, class Network>
concept AddsParameterTerm = requires(M& m, const Update<typename Network::Device>& update, const Network& network,
                                     Tensor<typename Network::Scalar, typename Network::Device>& gradients) {
  { m.add_parameter_term(update, network, gradients) } -> std::same_as<double>;
};
template <class M, class Network>
concept ActsAfterUpdate = requires(M& m, const Update<typename Network::Device>& update, Network& network) { m.after_update(update, network); };
template <class M>
concept ActsAfterStep = requires(M& m, index_t step, const StepReport& report) { m.after_step(step, report); };

/// Whether an object has any hook, for these networks: a misspelt one is an error and not silence.
template <class M, class G, class D>
concept Method = TakesPart<M, typename D::Device> || ChangesLatents<M, G, D> || ChangesImages<M, typename D::Scalar, typename D::Device> ||
                 ChangesTargets<M, typename D::Scalar, typename D::Device> || WeighsFakes<M, typename D::Scalar, typename D::Device> ||
                 AddsToLoss<M, typename D::Scalar, typename D::Device> || Recovers<M, typename D::Scalar, typename D::Device> ||
                 Penalises<M, D> || Matches<M, D> || AddsParameterTerm<M, G> || AddsParameterTerm<M, D> || ActsAfterUpdate<M, G> || ActsAfterUpdate<M, D> || ActsAfterStep<M>;

/// Whether a hook may change the method, so that it could carry something from step to step.
template <class M, class G, class D, class T = typename D::Scalar, class Device = typename D::Device>
concept MayCarryState =
    (TakesPart<M, Device> && !TakesPart<const M, Device>) || (ChangesLatents<M, G, D> && !ChangesLatents<const M, G, D>) ||
    (ChangesLatentsBackward<M, G, D> && !ChangesLatentsBackward<const M, G, D>) ||
    (ChangesImages<M, T, Device> && !ChangesImages<const M, T, Device>) ||
    (ChangesImagesBackward<M, T, Device> && !ChangesImagesBackward<const M, T, Device>) ||
    (ChangesTargets<M, T, Device> && !ChangesTargets<const M, T, Device>) || (WeighsFakes<M, T, Device> && !WeighsFakes<const M, T, Device>) ||
    (AddsToLoss<M, T, Device> && !AddsToLoss<const M, T, Device>) || (Recovers<M, T, Device> && !Recovers<const M, T, Device>) ||
    (Penalises<M, D> && !Penalises<const M, D>) || (Matches<M, D> && !Matches<const M, D>) ||
    (AddsParameterTerm<M, G> && !AddsParameterTerm<const M, G>) || (AddsParameterTerm<M, D> && !AddsParameterTerm<const M, D>) ||
    (ActsAfterUpdate<M, G> && !ActsAfterUpdate<const M, G>) || (ActsAfterUpdate<M, D> && !ActsAfterUpdate<const M, D>) ||
    (ActsAfterStep<M> && !ActsAfterStep<const M>);

/// Visits nothing: what a method's visit_state is asked with whether it is one.
struct NoVisitor {
  void operator()(const StateName&, const auto&) const {}
};
template <class M>
concept HasState = requires(M& m, const M& saved, const NoVisitor& visitor) {
  M::visit_state(m, visitor);      // to load
  M::visit_state(saved, visitor);  // to save
};
template <class M>
concept CarriesNothing = M::carries_nothing;

/// Throws ShapeError unless an option of a method is finite and at least `least`.
inline void require_method_option(double least, double value, std::string_view method, std::string_view option) {
  if (!(value >= least && std::isfinite(value)))
    throw ShapeError(std::string(method), concat({option, ", finite and at least ", least}), concat({value}), "correct the option");
}

}  // namespace nash
