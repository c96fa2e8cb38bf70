// SPDX-License-Identifier: Apache-2.0
//
// Times the convolutions of tests/cases/conv2d.hpp and whole training steps on the GPU, as rows of Markdown tables.
//
//   speed kernels     TFLOP/s of each direction, beside the rates of a large product and of a large copy
//   speed steps       milliseconds of a step, run as graphs and operation by operation
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>

#include "cases/conv2d.hpp"
#include "nash/cuda.hpp"

using namespace nash;

namespace {

using Clock = std::chrono::steady_clock;
using Numbers = Tensor<float, Cuda>;

/// The median time of f in seconds, of nine measurements of at least a millisecond each, by the host's clock around `repeats` runs.
template <class Function>
double seconds(Context<Cuda>& context, const Function& f) {
  const auto timed = [&](int repeats) {
    context.synchronise();
    const auto begin = Clock::now();
    for (int i = 0; i < repeats; ++i) f(i);
    context.synchronise();
    return std::chrono::duration<double>(Clock::now() - begin).count() / repeats;
  };
  (void)timed(3);
  const int repeats = std::clamp(static_cast<int>(1e-3 / timed(3)), 5, 1000);
  std::vector<double> times;
  for (int i = 0; i < 9; ++i) times.push_back(timed(repeats));
  std::nth_element(times.begin(), times.begin() + 4, times.end());
  return times[4];
}

Numbers random(Context<Cuda>& context, const Shape& shape) {
  Numbers x(shape);
  fill_normal(context, RandomStream(static_cast<std::uint64_t>(shape.count())), 0, 1, x.count(), x.data());
  return x;
}

void time_kernels() {
  Context<Cuda> context;
  constexpr index_t n = 8192;
  const Numbers a = random(context, {n, n}), b = random(context, {n, n});
  Numbers c(Shape{n, n});
  double peak[2];
  for (const bool exact : {false, true}) {
    context.set_exact_products(exact);
    peak[exact] = 2e-12 * n * n * n / seconds(context, [&](int) { GemmKernels<Cuda>::multiply(context, {.m = n, .n = n, .k = n}, a.data(), b.data(), c.data()); });
  }
  const double copied = 2e-9 * sizeof(float) * n * n /
                        seconds(context, [&](int) { context.add(Transfer{Transfer::Kind::within_gpu, c.data(), a.data(), sizeof(float) * n * n}); });
  std::printf("A product of %lld x %lld: %.1f TFLOP/s in TF32, %.1f exact. A copy: %.0f GB/s, read and written.\n\n", static_cast<long long>(n),
              static_cast<long long>(n), peak[0], peak[1], copied);
  std::puts("| convolution | forward, TFLOP/s (% of the product, of the copy) | backward_data | backward_weights |\n|---|---|---|---|");
  context.set_exact_products(false);
  for (const ConvCase& conv_case : conv_cases) {
    if (!conv_case.timed) continue;
    const Conv2dGeometry& g = conv_case.geometry;
    const Numbers x = random(context, g.image_shape()), w = random(context, g.filter_shape()), dy = random(context, g.output_shape());
    Numbers y(g.output_shape()), dx(g.image_shape());
    Numbers dw = Numbers::zeros(g.filter_shape());
    using Kernels = Conv2dKernels<Cuda>;
    const double times[] = {seconds(context, [&](int) { Kernels::forward(context, g, x.data(), w.data(), y.data()); }),
                            seconds(context, [&](int) { Kernels::backward_data(context, g, dy.data(), w.data(), dx.data()); }),
                            seconds(context, [&](int) { Kernels::backward_weights(context, g, x.data(), dy.data(), dw.data()); })};
    std::printf("| %s |", conv_case.name);
    const double bytes = sizeof(float) * static_cast<double>(x.count() + w.count() + y.count());  // each value once
    for (const double time : times) {
      const double rate = 2e-12 * static_cast<double>(g.multiply_adds()) / time;
      std::printf(" %.2f (%.0f %%, %.0f %%) |", rate, 100 * rate / peak[0], 1e-7 * bytes / time / copied);
    }
    std::puts("");
  }
}

template <class Networks>
void time_steps(const char* name, const Shape& image, const Networks& networks) {
  for (const index_t batch : {64, 128}) {
    double milliseconds[2];
    for (const bool recorded : {false, true}) {
      auto [g, d] = networks();
      GanTrainer trainer{std::move(g), std::move(d), NonSaturating{}, {.seed = 1, .record_steps = recorded}};
      const Numbers images = random(trainer.context(), image.with_samples(batch));
      milliseconds[recorded] = 1e3 * seconds(trainer.context(), [&](int) { (void)trainer.step(images); });
    }
    std::printf("| %s | %lld | %.3f | %.3f |\n", name, static_cast<long long>(batch), milliseconds[1], milliseconds[0]);
    std::fflush(stdout);
  }
}

void time_all_steps() {
  std::puts("| step | batch | nash, as graphs, ms | nash, one operation at a time, ms |\n|---|---|---|---|");
  time_steps("dcgan28", {1, 28, 28, 1}, [] { return std::pair(dcgan28_generator<float, Cuda>(), dcgan28_discriminator<float, Cuda>()); });
  time_steps("dcgan64", {1, 64, 64, 3},
             [] { return std::pair(dcgan_generator<float, Cuda>({.size = 64}), dcgan_discriminator<float, Cuda>({.size = 64})); });
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what == "kernels")
      time_kernels();
    else if (what == "steps")
      time_all_steps();
    else
      throw Error("speed", "one argument is needed", "give kernels or steps");
  } catch (const std::exception& error) {
    std::puts(error.what());
    return 1;
  }
}
