// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>

#include "nash/nn/any_sequential.hpp"
#include "nash/nn/avg_pool2d.hpp"
#include "nash/nn/batch_norm.hpp"
#include "nash/nn/conditional_affine.hpp"
#include "nash/nn/conditional_batch_norm.hpp"
#include "nash/nn/conditional_concat.hpp"
#include "nash/nn/conv2d.hpp"
#include "nash/nn/conv_transpose2d.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/dropout.hpp"
#include "nash/nn/embedding.hpp"
#include "nash/nn/flatten.hpp"
#include "nash/nn/identity.hpp"
#include "nash/nn/layer_norm.hpp"
#include "nash/nn/leaky_relu.hpp"
#include "nash/nn/maxout.hpp"
#include "nash/nn/minibatch_discrimination.hpp"
#include "nash/nn/minibatch_std_dev.hpp"
#include "nash/nn/pixel_shuffle.hpp"
#include "nash/nn/projection_head.hpp"
#include "nash/nn/reference_batch.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/reshape.hpp"
#include "nash/nn/residual.hpp"
#include "nash/nn/semi_supervised_head.hpp"
#include "nash/nn/sequential.hpp"
#include "nash/nn/sigmoid.hpp"
#include "nash/nn/softplus.hpp"
#include "nash/nn/spectral_norm.hpp"
#include "nash/nn/tanh.hpp"
#include "nash/nn/virtual_batch_norm.hpp"

namespace nash {

/// Builds layers of one scalar type and device from their descriptions. A value: add your own layers to a copy.
template <class T = float, class D = Cpu>
class LayerRegistry {
 public:
  using Builder = std::function<AnyLayer<T, D>(const LayerDescription&, const LayerRegistry&)>;

  /// All layers of nash. A new layer is one more line here.
  static LayerRegistry standard() {
    LayerRegistry registry;
    registry.add<AvgPool2d>("AvgPool2d");
    registry.add<BatchNorm>("BatchNorm");
    registry.add<ConditionalAffine>("ConditionalAffine");
    registry.add<ConditionalBatchNorm>("ConditionalBatchNorm");
    registry.add<ConditionalConcat>("ConditionalConcat");
    registry.add<Conv2d>("Conv2d");
    registry.add<ConvTranspose2d>("ConvTranspose2d");
    registry.add<Dense>("Dense");
    registry.add<Dropout>("Dropout");
    registry.add<Embedding>("Embedding");
    registry.add<Flatten>("Flatten");
    registry.add<Identity>("Identity");
    registry.add<LayerNorm>("LayerNorm");
    registry.add<LeakyReLU>("LeakyReLU");
    registry.add<Maxout>("Maxout");
    registry.add<MinibatchDiscrimination>("MinibatchDiscrimination");
    registry.add<MinibatchStdDev>("MinibatchStdDev");
    registry.add<PixelShuffle>("PixelShuffle");
    registry.add<ProjectionHead>("ProjectionHead");
    registry.add<ReLU>("ReLU");
    registry.add<Reshape>("Reshape");
    registry.add<SemiSupervisedHead>("SemiSupervisedHead");
    registry.add<Sigmoid>("Sigmoid");
    registry.add<Softplus>("Softplus");
    registry.add<Tanh>("Tanh");
    registry.add<VirtualBatchNorm>("VirtualBatchNorm");
    registry.add("ReferenceBatch", build_reference_batch);
    registry.add("Sequential", build_sequential);
    registry.add("Residual", build_residual);
    registry.add("SpectralNorm", build_spectral_norm);
    return registry;
  }

  /// A layer template with a static from(description).
  template <template <class, class> class L>
  void add(std::string type) {
    add(type, [](const LayerDescription& description, const LayerRegistry&) { return AnyLayer<T, D>(leaf<L<T, D>>(description)); });
    if constexpr (Weighted<L<T, D>>)
      normalised_[type] = [](const LayerDescription& d, const SpectralNormOptions& options) { return AnyLayer<T, D>(SpectralNorm(leaf<L<T, D>>(d), options)); };
  }
  /// A layer that is made in another way. There is no SpectralNorm around it: the builder can put one there itself.
  void add(std::string type, Builder builder) {
    normalised_.erase(type);
    builders_[std::move(type)] = std::move(builder);
  }

  /// Throws ShapeError where the type or an option is not known.
  AnyLayer<T, D> build(const LayerDescription& description) const {
    const auto found = builders_.find(description.type());
    if (found == builders_.end())
      throw ShapeError("LayerRegistry", concat({"one of the layers ", names_of(builders_)}), concat({"'", description.type(), "'"}), "correct the type or add the layer");
    return found->second(description, *this);
  }

  /// Throws ShapeError unless the description is of a Sequential.
  AnySequential<T, D> build_network(const LayerDescription& description) const {
    if (description.type() != "Sequential")
      throw ShapeError("LayerRegistry", "a description of a Sequential", concat({"'", description.type(), "'"}),
                       "put the layers into a Sequential, or build a single one by build()");
    description.allow({});
    std::vector<AnyLayer<T, D>> layers;
    for (const LayerDescription& child : description.children()) layers.push_back(build(child));
    return AnySequential<T, D>(std::move(layers));
  }

 private:
  static const std::vector<LayerDescription>& children(const LayerDescription& description, std::size_t least, std::size_t most) {
    const auto& found = description.children();
    if (found.size() < least || found.size() > most)
      throw ShapeError(description.type(),
                       concat({least, least == most ? "" : concat({" to ", most}), most == 1 ? " layer" : " layers", " within it"}),
                       concat({found.size()}), "correct the description");
    return found;
  }

  /// A layer that holds no others.
  template <class L>
  static L leaf(const LayerDescription& description) {
    (void)children(description, 0, 0);
    return L::from(description);
  }

  static AnyLayer<T, D> build_sequential(const LayerDescription& description, const LayerRegistry& registry) {
    return registry.build_network(description);
  }

  static AnyLayer<T, D> build_residual(const LayerDescription& description, const LayerRegistry& registry) {
    description.allow({});
    const auto& parts = children(description, 1, 2);
    if (parts.size() == 1) return Residual<AnyLayer<T, D>>(registry.build(parts[0]));
    return Residual<AnyLayer<T, D>, AnyLayer<T, D>>(registry.build(parts[0]), registry.build(parts[1]));
  }

  static AnyLayer<T, D> build_reference_batch(const LayerDescription& description, const LayerRegistry& registry) {
    return ReferenceBatch<AnyLayer<T, D>>::from(description, registry.build(children(description, 1, 1)[0]));
  }

  static AnyLayer<T, D> build_spectral_norm(const LayerDescription& description, const LayerRegistry& registry) {
    description.allow({"power_iterations"});
    const index_t iterations = description.size("power_iterations", 1);
    require_at_least(1, iterations, "SpectralNorm", "a number of power iterations");  // and few enough for an int
    const SpectralNormOptions options{.power_iterations = static_cast<int>(iterations)};
    const LayerDescription& inner = children(description, 1, 1)[0];
    const auto found = registry.normalised_.find(inner.type());
    if (found == registry.normalised_.end())
      throw ShapeError("SpectralNorm", concat({"one of the weighted layers ", names_of(registry.normalised_), " within it"}), inner.type(), "put it around a weighted layer");
    return found->second(inner, options);
  }

  static std::string names_of(const auto& builders) {
    std::string names;
    for (const auto& [type, builder] : builders) names += (names.empty() ? "" : ", ") + type;
    return names;
  }

  std::map<std::string, Builder> builders_;
  std::map<std::string, std::function<AnyLayer<T, D>(const LayerDescription&, const SpectralNormOptions&)>> normalised_;  // within a SpectralNorm
};

/// The same network with its structure in a value, possibly for another scalar type or device.
template <class U, class E, class L>
AnyLayer<U, E> to_any(const L& layer) {
  AnyLayer<U, E> other = LayerRegistry<U, E>::standard().build(layer.describe());
  copy_state(layer, other);
  Context<E> context(1);
  other.restore(context);
  return other;
}

}  // namespace nash
