// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/core/type_name.hpp"
#include "nash/train/added_terms.hpp"
#include "nash/train/method.hpp"
#include "nash/train/used_hooks.hpp"

namespace nash {
namespace detail {

template <class M, class G, class D>
struct WorkOf {
  using type = M;
  static M make(const M& method, const G&, const D&) { return method; }
};
template <class M, class G, class D>
  requires requires { typename M::template Work<G, D>; }
struct WorkOf<M, G, D> {
  using type = typename M::template Work<G, D>;
  static type make(const M& method, const G& generator, const D& discriminator) { return type(method, generator, discriminator); }
};

/// The method that is one of a template's.
template <template <class...> class M, class... Methods>
struct OfTemplate;
template <template <class...> class M, class First, class... Methods>
struct OfTemplate<M, First, Methods...> : OfTemplate<M, Methods...> {};
template <template <class...> class M, class... Arguments, class... Methods>
struct OfTemplate<M, M<Arguments...>, Methods...> {
  using type = M<Arguments...>;
};

}  // namespace detail

/// Whether a type is a list of methods that are chosen at run time: see any_method.hpp.
template <class M>
constexpr bool is_method_list = false;

/// The methods of a trainer, each at work on its networks: calls every hook of those that have it, in their order.
template <class G, class D, class... Methods>
class MethodList {
  using T = typename D::Scalar;
  using Device = typename D::Device;
  using Images = Tensor<T, Device>;
  using Terms = AddedTerms<Context<Device>>;
  template <class M>
  using Work = typename detail::WorkOf<M, G, D>::type;

  /// What method M has.
  template <class M>
  static constexpr UsedHooks hooks_of{.takes_part = TakesPart<Work<M>, Device>,
                                      .change_latents = ChangesLatents<Work<M>, G, D>,
                                      .change_latents_backward = ChangesLatentsBackward<Work<M>, G, D>,
                                      .change_images = ChangesImages<Work<M>, T, Device>,
                                      .change_targets = ChangesTargets<Work<M>, T, Device>,
                                      .weigh_fakes = WeighsFakes<Work<M>, T, Device>,
                                      .add_to_loss = AddsToLoss<Work<M>, T, Device>,
                                      .recover = Recovers<Work<M>, T, Device>,
                                      .match = Matches<Work<M>, D>,
                                      .penalise = Penalises<Work<M>, D>,
                                      .discriminator_term = AddsParameterTerm<Work<M>, D>,
                                      .generator_term = AddsParameterTerm<Work<M>, G>,
                                      .exchange_fakes = ExchangesFakes<Work<M>>,
                                      .run_ahead = RunsAhead<Work<M>>};

  static_assert((!is_method_list<Methods> && ...),
                "a list of AnyMethod is the only thing that a GanTrainer is given after its options: put the other methods into it");

  static_assert((is_method_list<Methods> || ...) || (Method<Work<Methods>, G, D> && ...),
                "a GanTrainer was given an object that has none of the hooks of a method for these networks: see nash/train/method.hpp");

  static_assert(((!MayCarryState<Work<Methods>, G, D> || HasState<Work<Methods>> || CarriesNothing<Work<Methods>>) && ...),
                "a method with a hook that may change it, as it is not const, has a static visit_state(self, visitor) for all that it carries "
                "from step to step, or says static constexpr bool carries_nothing = true: see nash/train/method.hpp");

  static_assert((0 + ... + static_cast<int>(ChangesLatentsBackward<Work<Methods>, G, D>)) <= 1,
                "a GanTrainer has at most one method that changes latents by the networks' parameters: leave one out");

 public:
  /// Whether methods are chosen when the program runs: not in this list, see any_method.hpp.
  static constexpr bool is_dynamic = false;
  /// The hooks that there may be, and that there are: here the same.
  static constexpr UsedHooks possible = (UsedHooks{} | ... | hooks_of<Methods>);
  static constexpr const UsedHooks& used() { return possible; }
  static constexpr index_t most_sums() { return UsedHooks::most_sums_of_method * static_cast<index_t>(sizeof...(Methods)); }

  MethodList(const Methods&... methods, const G& generator, const D& discriminator)
      : work_(detail::WorkOf<Methods, G, D>::make(methods, generator, discriminator)...) {}

  /// Numbers the methods from here on, as a part of a longer list: their random numbers and the names of their state have that number.
  void begin_at(std::size_t first) { first_ = first; }

  template <class M>
  Work<M>& get() {
    return std::get<Work<M>>(work_);
  }
  template <template <class...> class M>
  auto& get() {
    return get<typename detail::OfTemplate<M, Methods...>::type>();
  }

  /// How many classes the methods know, 0 where none depends on labels.
  index_t classes() const {
    index_t fewest = 0;
    for_each_of(*this, [&](const auto& method, std::size_t) {
      if constexpr (KnowsClasses<std::remove_cvref_t<decltype(method)>>) fewest = fewer_classes(fewest, method.classes());
    });
    return fewest;
  }

  bool run_phase(const Phase& phase, const StepReport& last) {
    bool all = true;
    for_each([&](auto& method, std::size_t) {
      if constexpr (TakesPart<std::remove_cvref_t<decltype(method)>, Device>) all = method.takes_part(phase, last) && all;
    });
    return all;
  }
  void run_change_latents(const Update<Device>& update, const G& g, const D& d, Images& z) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (ChangesLatents<std::remove_cvref_t<decltype(method)>, G, D>) method.change_latents(own(update, i), g, d, z);
    });
  }
  void run_change_latents_backward(const Update<Device>& update, const G& g, const D& d, const Images& d_z, Gradients<T, Device>& gradients, Terms& terms) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (ChangesLatentsBackward<std::remove_cvref_t<decltype(method)>, G, D>)
        terms.add([&] { return method.change_latents_backward(own(update, i), g, d, d_z, gradients); });
    });
  }
  void run_change_images(const Update<Device>& update, ImageSource source, Images& images) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (ChangesImages<std::remove_cvref_t<decltype(method)>, T, Device>) method.change_images(own(update, i), source, images);
    });
  }
  /// From the last change to the first.
  void run_change_images_backward(const Update<Device>& update, ImageSource source, Images& d) {
    for_each_reversed([&](auto& method, std::size_t i) {
      if constexpr (ChangesImagesBackward<std::remove_cvref_t<decltype(method)>, T, Device>)
        method.change_images_backward(own(update, i), source, d);
    });
  }
  void run_change_targets(const Update<Device>& update, LossTerm term, Images& targets) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (ChangesTargets<std::remove_cvref_t<decltype(method)>, T, Device>) method.change_targets(own(update, i), term, targets);
    });
  }
  void run_weigh_fakes(const Update<Device>& update, const Images& logits, Images& weights) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (WeighsFakes<std::remove_cvref_t<decltype(method)>, T, Device>) method.weigh_fakes(own(update, i), logits, weights);
    });
  }
  void run_add_to_loss(const Update<Device>& update, LossTerm term, const Images& logits, Images& d_logits, Terms& terms) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (AddsToLoss<std::remove_cvref_t<decltype(method)>, T, Device>)
        terms.add([&] { return method.add_to_loss(own(update, i), term, logits, d_logits); });
    });
  }
  void run_recover(const Update<Device>& update, const Images& latents, const Images& logits, Images& d_logits, Terms& terms) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (Recovers<std::remove_cvref_t<decltype(method)>, T, Device>)
        terms.add([&] { return method.recover(own(update, i), latents, logits, d_logits); });
    });
  }
  void run_penalise(const Update<Device>& update, const D& d, const Images& real, const Images& fakes, Gradients<T, Device>& gradients,
                    Terms& terms) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (Penalises<std::remove_cvref_t<decltype(method)>, D>)
        terms.add([&] { return method.penalise(own(update, i), d, real, fakes, gradients); });
    });
  }
  void run_match(const Update<Device>& update, const D& d, const Images& real, const Images& fakes, Images& d_fakes, Terms& terms) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (Matches<std::remove_cvref_t<decltype(method)>, D>)
        terms.add([&] { return method.match(own(update, i), d, real, fakes, d_fakes); });
    });
  }
  template <class Network>
  void run_add_parameter_term(const Update<Device>& update, const Network& network, Images& gradients, Terms& terms) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (AddsParameterTerm<std::remove_cvref_t<decltype(method)>, Network>)
        terms.add([&] { return method.add_parameter_term(own(update, i), network, gradients); });
    });
  }
  template <class Network>
  void run_after_update(const Update<Device>& update, Network& network) {
    for_each([&](auto& method, std::size_t i) {
      if constexpr (ActsAfterUpdate<std::remove_cvref_t<decltype(method)>, Network>) method.after_update(own(update, i), network);
    });
  }
  void run_after_step(index_t step, const StepReport& report) {
    for_each([&](auto& method, std::size_t) {
      if constexpr (ActsAfterStep<std::remove_cvref_t<decltype(method)>>) method.after_step(step, report);
    });
  }

  /// "LeCam, TopK"
  NASH_COLD static std::string names() {
    return names([](const UsedHooks&) { return true; });
  }
  /// Of those whose hooks are such.
  NASH_COLD static std::string names([[maybe_unused]] bool (*such)(const UsedHooks&)) {
    std::string names;
    ((names += such(hooks_of<Methods>) ? (names.empty() ? "" : ", ") + name_of<Methods>() : ""), ...);
    return names;
  }

  /// visitor(name, state) for what the methods carry from step to step: "0.mean", each under its method's position.
  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    self.for_each_of(self, [&](auto& method, std::size_t i) {
      using M = std::remove_cvref_t<decltype(method)>;
      const auto named = [&](const StateName& name, auto& state) { visit(StateName(static_cast<index_t>(self.first_ + i), name), state); };
      if constexpr (HasState<std::remove_const_t<M>>) M::visit_state(method, named);
    });
  }

 private:
  template <class M>
  static std::string name_of() {
    if constexpr (requires { std::string(M::name); })
      return M::name;
    else
      return type_name(typeid(M));
  }

  /// The update as method i gets it: with random numbers of its own.
  Update<Device> own(Update<Device> update, std::size_t i) const {
    update.random = update.random.child(first_ + i);
    return update;
  }

  template <class Function>
  void for_each(const Function& f) {
    for_each_of(*this, f);
  }
  template <class Self, class Function>
  static void for_each_of(Self& self, const Function& f) {
    [&]<std::size_t... Is>(std::index_sequence<Is...>) { (f(std::get<Is>(self.work_), Is), ...); }(std::index_sequence_for<Methods...>{});
  }
  template <class Function>
  void for_each_reversed(const Function& f) {
    constexpr std::size_t last = sizeof...(Methods) - 1;
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
      (f(std::get<last - Is>(work_), last - Is), ...);
    }(std::index_sequence_for<Methods...>{});
  }

  std::tuple<Work<Methods>...> work_;
  std::size_t first_ = 0;
};

}  // namespace nash
