// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/model/discriminator.hpp"
#include "nash/model/generator.hpp"
#include "nash/nn/any_sequential.hpp"
#include "nash/train/any_method_list.hpp"

namespace nash {

/// Any method for a pair of networks behind one type, for trainers whose methods are known at run time only. A list of them takes the place
/// of all methods:
///
///     std::vector<AnyMethod<>> methods{InstanceNoise{0.1}};         // for a Generator and a Discriminator of AnySequential<>
///     if (penalty > 0) methods.push_back(GradientPenalty{penalty});
///     GanTrainer trainer{std::move(generator), std::move(discriminator), Hinge{}, {.seed = 42}, methods};
///
/// A run is, to the last bit, that of a trainer with the same methods known when it is compiled, and so are its report and its checkpoints:
/// either trainer loads the other's. What the compiler refuses there is refused here when the trainer is made: combinations that make no
/// sense. Networks that a method cannot work on are still refused where the compiler knows them.
template <class G = Generator<AnySequential<>>, class D = Discriminator<AnySequential<>>>
class AnyMethod {
 public:
  template <class M>
    requires(!std::same_as<M, AnyMethod> && !std::same_as<M, std::vector<AnyMethod>>)
  NASH_COLD AnyMethod(M method) : maker_(std::make_shared<MakerOf<M>>(std::move(method))) {}  // NOLINT: every method is an AnyMethod

  /// The method at work on these networks, as number `number` of a list.
  NASH_COLD std::unique_ptr<MethodAtWork<G, D>> at_work(std::size_t number, const G& generator, const D& discriminator) const {
    return maker_->make(number, generator, discriminator);
  }

 private:
  struct Maker {
    virtual ~Maker() = default;
    virtual std::unique_ptr<MethodAtWork<G, D>> make(std::size_t number, const G& generator, const D& discriminator) const = 0;
  };
  template <class M>
  struct MakerOf final : Maker {
    explicit MakerOf(M m) : method(std::move(m)) {}
    std::unique_ptr<MethodAtWork<G, D>> make(std::size_t number, const G& generator, const D& discriminator) const override {
      return std::make_unique<MethodAtWorkOf<M, G, D>>(method, number, generator, discriminator);
    }
    M method;
  };

  std::shared_ptr<const Maker> maker_;  // never changed, so that copies share it
};

}  // namespace nash
