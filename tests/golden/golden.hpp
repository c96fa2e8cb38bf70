// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include "nash/io/safetensors.hpp"
#include "nash/nn/layers.hpp"

/// One of the files that make_golden.py writes.
class Golden {
 public:
  using Entry = nash::NamedTensor<double>;

  explicit Golden(const std::string& name)
      : file_(nash::load_safetensors<double>(std::filesystem::path(NASH_TEST_DATA) / "golden" / (name + ".safetensors"))) {}

  const Entry& entry(const std::string& name) const {
    const Entry* const found = file_.find(name);
    REQUIRE_MESSAGE(found != nullptr, "no golden value " << name);
    return *found;
  }

  template <class T, class Device = nash::Cpu>
  nash::Tensor<T, Device> tensor(const std::string& name) const {
    const Entry& golden = entry(name);
    return nash::Tensor<T, Device>(golden.shape, std::vector<T>(golden.values.begin(), golden.values.end()));
  }

  /// Gives a layer's parameters and buffers the values of the names that begin with the prefix.
  template <class Layer, class Device>
  void load(const std::string& prefix, nash::Context<Device>& context, Layer& layer) const {
    using T = typename Layer::Scalar;
    Layer::visit_state(layer, [&](const nash::StateName& name, auto& state) {
      const Entry& golden = entry(prefix + name.text());
      REQUIRE(state.value().shape() == golden.shape);
      state.value().assign_from_host(std::vector<T>(golden.values.begin(), golden.values.end()));
    });
    nash::restore(context, layer);
  }

 private:
  nash::Safetensors<double> file_;
};

/// The largest difference between two lists of numbers, relative to the largest of the golden ones; infinite if any number
/// is not finite.
template <class T>
double relative_difference(std::span<const T> values, std::span<const double> golden) {
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const double difference = std::abs(static_cast<double>(values[i]) - golden[i]);
    worst = difference <= worst ? worst : std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
    scale = std::max(scale, std::abs(golden[i]));
  }
  return worst == 0 ? 0 : worst / scale;
}

template <class T>
void check_close(std::span<const T> values, const Golden::Entry& golden, double tolerance) {
  REQUIRE(values.size() == golden.values.size());
  const double difference = relative_difference<T>(values, golden.values);
  CHECK_MESSAGE(difference <= tolerance,
                golden.name << " differs by " << difference << " of its largest value, for a tolerance of " << tolerance);
}

template <class T, class Device>
void check_close(const nash::Tensor<T, Device>& tensor, const Golden::Entry& golden, double tolerance) {
  INFO(golden.name << ": " << tensor.shape().text() << " for " << golden.shape.text());
  REQUIRE(tensor.shape() == golden.shape);
  check_close<T>(std::span<const T>(tensor.to_host()), golden, tolerance);
}

inline void check_close(double value, const Golden::Entry& golden, double tolerance) {
  check_close<double>(std::span<const double>(&value, 1), golden, tolerance);
}

/// The labels 0, 1, 2, 3, 0, … that make_golden.py gives to all that is conditional.
template <class Device>
nash::Labels<Device> golden_labels(nash::index_t samples) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(samples));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 4);
  return nash::Labels<Device>(labels);
}

/// A layer with the state of a case, its parameters in one flat tensor, and its gradients, zero at first.
template <class Layer>
struct GoldenLayer {
  using T = typename Layer::Scalar;
  using Device = typename Layer::Device;

  GoldenLayer(const Golden& golden, const std::string& name, nash::Context<Device>& context, Layer built)
      : layer(std::move(built)),
        parameters(layer),
        flat_gradients(nash::Tensor<T, Device>::zeros(parameters.values().shape())),
        gradients(flat_gradients) {
    golden.load(name + "/", context, layer);
  }

  void check_gradients(const Golden& golden, const std::string& name, double tolerance) const {
    const std::vector<T> values = flat_gradients.to_host();
    nash::for_each_parameter(layer, [&](const nash::StateName& parameter_name, const auto& parameter) {
      const Golden::Entry& expected = golden.entry(name + "/grad." + parameter_name.text());
      REQUIRE(parameter.shape() == expected.shape);
      const auto part = std::span<const T>(values).subspan(static_cast<std::size_t>(parameter.offset()),
                                                           static_cast<std::size_t>(parameter.count()));
      check_close<T>(part, expected, tolerance);
    });
  }

  Layer layer;
  nash::FlatParameters<T, Device> parameters;
  nash::Tensor<T, Device> flat_gradients;
  nash::Gradients<T, Device> gradients;
};
