// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/train/method_list.hpp"
#include "nash/train/method_state_visitor.hpp"

namespace nash {

/// A method of a type that is not known, at work on the networks of a trainer: what a list that is put together at run time calls.
/// The functions are those of MethodList.
template <class G, class D>
class MethodAtWork {
 protected:
  using T = typename D::Scalar;
  using Device = typename D::Device;
  using Images = Tensor<T, Device>;
  using Told = Update<Device>;
  using Terms = AddedTerms<Context<Device>>;

 public:
  virtual ~MethodAtWork() = default;
  virtual const UsedHooks& used() const = 0;
  virtual index_t classes() const = 0;
  virtual std::string name() const = 0;
  virtual bool run_phase(const Phase& phase, const StepReport& last) = 0;
  virtual void run_change_latents(const Told& update, const G& g, const D& d, Images& z) = 0;
  virtual void run_change_latents_backward(const Told& update, const G& g, const D& d, const Images& d_z, Gradients<T, Device>& gradients, Terms& terms) = 0;
  virtual void run_change_images(const Told& update, ImageSource source, Images& images) = 0;
  virtual void run_change_images_backward(const Told& update, ImageSource source, Images& d) = 0;
  virtual void run_change_targets(const Told& update, LossTerm term, Images& targets) = 0;
  virtual void run_weigh_fakes(const Told& update, const Images& logits, Images& weights) = 0;
  virtual void run_add_to_loss(const Told& update, LossTerm term, const Images& logits, Images& d_logits, Terms& terms) = 0;
  virtual void run_recover(const Told& update, const Images& latents, const Images& logits, Images& d_logits, Terms& terms) = 0;
  virtual void run_penalise(const Told& update, const D& d, const Images& real, const Images& fakes, Gradients<T, Device>& gradients, Terms& terms) = 0;
  virtual void run_match(const Told& update, const D& d, const Images& real, const Images& fakes, Images& d_fakes, Terms& terms) = 0;
  virtual void run_add_parameter_term(const Told& update, const G& network, Images& gradients, Terms& terms) = 0;
  virtual void run_add_parameter_term(const Told& update, const D& network, Images& gradients, Terms& terms) = 0;
  virtual void run_after_update(const Told& update, G& network) = 0;
  virtual void run_after_update(const Told& update, D& network) = 0;
  virtual void run_after_step(index_t step, const StepReport& report) = 0;
  virtual void visit_state(MethodStateVisitor<T, Device>& visitor) = 0;
};

/// A method of type M: a list of it alone, which begins at its number.
template <class M, class G, class D>
class MethodAtWorkOf final : public MethodAtWork<G, D> {
  using Base = MethodAtWork<G, D>;
  using typename Base::Device, typename Base::Images, typename Base::T, typename Base::Terms, typename Base::Told;
  using List = MethodList<G, D, M>;

 public:
  MethodAtWorkOf(const M& method, std::size_t number, const G& generator, const D& discriminator) : list_(method, generator, discriminator) {
    list_.begin_at(number);
  }

  List& list() { return list_; }

  const UsedHooks& used() const override { return List::used(); }
  index_t classes() const override { return list_.classes(); }
  std::string name() const override { return List::names(); }
  bool run_phase(const Phase& phase, const StepReport& last) override { return list_.run_phase(phase, last); }
  void run_change_latents(const Told& update, const G& g, const D& d, Images& z) override { list_.run_change_latents(update, g, d, z); }
  void run_change_latents_backward(const Told& update, const G& g, const D& d, const Images& d_z, Gradients<T, Device>& gradients, Terms& terms) override {
    list_.run_change_latents_backward(update, g, d, d_z, gradients, terms);
  }
  void run_change_images(const Told& update, ImageSource source, Images& images) override { list_.run_change_images(update, source, images); }
  void run_change_images_backward(const Told& update, ImageSource source, Images& d) override { list_.run_change_images_backward(update, source, d); }
  void run_change_targets(const Told& update, LossTerm term, Images& targets) override { list_.run_change_targets(update, term, targets); }
  void run_weigh_fakes(const Told& update, const Images& logits, Images& weights) override { list_.run_weigh_fakes(update, logits, weights); }
  void run_add_to_loss(const Told& update, LossTerm term, const Images& logits, Images& d_logits, Terms& terms) override {
    list_.run_add_to_loss(update, term, logits, d_logits, terms);
  }
  void run_recover(const Told& update, const Images& latents, const Images& logits, Images& d_logits, Terms& terms) override {
    list_.run_recover(update, latents, logits, d_logits, terms);
  }
  void run_penalise(const Told& update, const D& d, const Images& real, const Images& fakes, Gradients<T, Device>& gradients, Terms& terms) override {
    list_.run_penalise(update, d, real, fakes, gradients, terms);
  }
  void run_match(const Told& update, const D& d, const Images& real, const Images& fakes, Images& d_fakes, Terms& terms) override {
    list_.run_match(update, d, real, fakes, d_fakes, terms);
  }
  void run_add_parameter_term(const Told& update, const G& network, Images& gradients, Terms& terms) override {
    list_.run_add_parameter_term(update, network, gradients, terms);
  }
  void run_add_parameter_term(const Told& update, const D& network, Images& gradients, Terms& terms) override {
    list_.run_add_parameter_term(update, network, gradients, terms);
  }
  void run_after_update(const Told& update, G& network) override { list_.run_after_update(update, network); }
  void run_after_update(const Told& update, D& network) override { list_.run_after_update(update, network); }
  void run_after_step(index_t step, const StepReport& report) override { list_.run_after_step(step, report); }
  void visit_state(MethodStateVisitor<T, Device>& visitor) override { List::visit_state(list_, visitor); }

 private:
  List list_;
};

}  // namespace nash
