// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.hpp"

using namespace nash;

namespace {

/// Checks the buffers of a layer against those under "prefix"; "batch_norm/after1." + "running_mean".
template <class Layer>
void check_buffers(const Golden& golden, const std::string& prefix, const Layer& layer, double tolerance) {
  for_each_buffer(layer, [&](const StateName& name, const auto& buffer) {
    check_close(buffer.value(), golden.entry(prefix + name.text()), tolerance);
  });
}

template <class T>
void check_running_statistics(const std::string& name, const BatchNormOptions& options, double tolerance) {
  const Golden golden("states");
  Context<Cpu> context;
  GoldenLayer own(golden, name, context, BatchNorm<T, Cpu>(3, options));
  for (const std::string i : {"1", "2"}) {
    typename BatchNorm<T, Cpu>::Saved saved;
    Tensor<T> y;
    own.layer.forward(Pass<Cpu>{context, Mode::train}, golden.tensor<T>(name + "/x" + i), y, &saved);
    own.layer.commit(context, saved);
    check_buffers(golden, name + "/after" + i + ".", own.layer, tolerance);
  }
}

template <class T, class L>
void check_power_iteration(const std::string& name, const L& built, double tolerance) {
  const Golden golden("states");
  Context<Cpu> context;
  GoldenLayer own(golden, name, context, SpectralNorm(built.template to<T, Cpu>()));
  own.layer.refresh(context);
  check_buffers(golden, name + "/after.", own.layer, tolerance);
  check_close(own.layer.sigma(), golden.entry(name + "/after.sigma"), tolerance);
  // The power iteration goes to the largest singular value, which PyTorch has from a decomposition.
  for (int i = 0; i < 1000; ++i) own.layer.refresh(context);
  check_close(own.layer.sigma(), golden.entry(name + "/largest"), tolerance);
}

template <class T>
void check_power_iterations(double tolerance) {
  check_power_iteration<T>("spectral_norm.dense", Dense{6, 4, {.bias = false}}, tolerance);
  check_power_iteration<T>("spectral_norm.conv2d", Conv2d{3, 4, {.kernel = 3, .bias = false}}, tolerance);
  check_power_iteration<T>("spectral_norm.conv_transpose2d", ConvTranspose2d{3, 2, {.kernel = 4, .bias = false}}, tolerance);
}

}  // namespace

TEST_CASE("BatchNorm's running statistics are PyTorch's after each of two committed passes") {
  check_running_statistics<double>("batch_norm", {}, 1e-10);
  check_running_statistics<double>("batch_norm.momentum", {.momentum = 0.4}, 1e-10);
  check_running_statistics<float>("batch_norm", {}, 1e-4);
  check_running_statistics<float>("batch_norm.momentum", {.momentum = 0.4}, 1e-4);
}

TEST_CASE("SpectralNorm's power iteration makes the golden steps and reaches the largest singular value") {
  check_power_iterations<double>(1e-10);
  check_power_iterations<float>(1e-4);
}
