// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "nash/train/method_at_work.hpp"

namespace nash {

template <class G, class D>
class AnyMethod;

template <class G, class D>
constexpr bool is_method_list<std::vector<AnyMethod<G, D>>> = true;

/// The methods of a trainer, chosen at run time. The functions are those of any other MethodList.
template <class G, class D>
class MethodList<G, D, std::vector<AnyMethod<G, D>>> {
  using T = typename D::Scalar;
  using Device = typename D::Device;
  using Images = Tensor<T, Device>;
  using Told = Update<Device>;
  using Terms = AddedTerms<Context<Device>>;

 public:
  static constexpr bool is_dynamic = true;
  static constexpr UsedHooks possible = UsedHooks::all();
  const UsedHooks& used() const { return used_; }
  index_t most_sums() const { return UsedHooks::most_sums_of_method * static_cast<index_t>(methods_.size()); }

  /// Throws ShapeError where two of them change latents by the networks' parameters.
  NASH_COLD MethodList(const std::vector<AnyMethod<G, D>>& methods, const G& generator, const D& discriminator) {
    for (const AnyMethod<G, D>& method : methods) {
      methods_.push_back(method.at_work(methods_.size(), generator, discriminator));
      const UsedHooks& own = methods_.back()->used();
      if (used_.change_latents_backward && own.change_latents_backward)
        throw ShapeError("GanTrainer", "at most one method that changes latents by the networks' parameters", names(), "leave one out");
      used_ = used_ | own;
    }
  }

  /// The first method of type M. Throws Error where there is none.
  template <class M>
  auto& get() {
    for (const auto& method : methods_)
      if (auto* const own = dynamic_cast<MethodAtWorkOf<M, G, D>*>(method.get())) return own->list().template get<M>();
    throw Error("GanTrainer", "the method " + MethodList<G, D, M>::names(), methods_.empty() ? "none" : names(), "ask for one that it was given");
  }

  index_t classes() const {
    index_t fewest = 0;
    for (const auto& method : methods_) fewest = fewer_classes(fewest, method->classes());
    return fewest;
  }

  bool run_phase(const Phase& phase, const StepReport& last) {
    bool all = true;
    for (const auto& method : methods_) all = method->run_phase(phase, last) && all;
    return all;
  }
  void run_change_latents(const Told& update, const G& g, const D& d, Images& z) {
    for (const auto& method : methods_) method->run_change_latents(update, g, d, z);
  }
  void run_change_latents_backward(const Told& update, const G& g, const D& d, const Images& d_z, Gradients<T, Device>& gradients, Terms& terms) {
    for (const auto& method : methods_) method->run_change_latents_backward(update, g, d, d_z, gradients, terms);
  }
  void run_change_images(const Told& update, ImageSource source, Images& images) {
    for (const auto& method : methods_) method->run_change_images(update, source, images);
  }
  /// From the last change to the first.
  void run_change_images_backward(const Told& update, ImageSource source, Images& d) {
    for (auto method = methods_.rbegin(); method != methods_.rend(); ++method) (*method)->run_change_images_backward(update, source, d);
  }
  void run_change_targets(const Told& update, LossTerm term, Images& targets) {
    for (const auto& method : methods_) method->run_change_targets(update, term, targets);
  }
  void run_weigh_fakes(const Told& update, const Images& logits, Images& weights) {
    for (const auto& method : methods_) method->run_weigh_fakes(update, logits, weights);
  }
  void run_add_to_loss(const Told& update, LossTerm term, const Images& logits, Images& d_logits, Terms& terms) {
    for (const auto& method : methods_) method->run_add_to_loss(update, term, logits, d_logits, terms);
  }
  void run_recover(const Told& update, const Images& latents, const Images& logits, Images& d_logits, Terms& terms) {
    for (const auto& method : methods_) method->run_recover(update, latents, logits, d_logits, terms);
  }
  void run_penalise(const Told& update, const D& d, const Images& real, const Images& fakes, Gradients<T, Device>& gradients, Terms& terms) {
    for (const auto& method : methods_) method->run_penalise(update, d, real, fakes, gradients, terms);
  }
  void run_match(const Told& update, const D& d, const Images& real, const Images& fakes, Images& d_fakes, Terms& terms) {
    for (const auto& method : methods_) method->run_match(update, d, real, fakes, d_fakes, terms);
  }
  template <class Network>
  void run_add_parameter_term(const Told& update, const Network& network, Images& gradients, Terms& terms) {
    for (const auto& method : methods_) method->run_add_parameter_term(update, network, gradients, terms);
  }
  template <class Network>
  void run_after_update(const Told& update, Network& network) {
    for (const auto& method : methods_) method->run_after_update(update, network);
  }
  void run_after_step(index_t step, const StepReport& report) {
    for (const auto& method : methods_) method->run_after_step(step, report);
  }

  NASH_COLD std::string names() const {
    return names([](const UsedHooks&) { return true; });
  }
  NASH_COLD std::string names(bool (*such)(const UsedHooks&)) const {
    std::string names;
    for (const auto& method : methods_)
      if (such(method->used())) names += (names.empty() ? "" : ", ") + method->name();
    return names;
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    AnyMethodStateVisitor<T, Device, std::is_const_v<Self>, std::remove_reference_t<Visitor>> visitor(visit);
    for (const auto& method : self.methods_) method->visit_state(visitor);
  }

 private:
  std::vector<std::unique_ptr<MethodAtWork<G, D>>> methods_;
  UsedHooks used_;
};

}  // namespace nash
