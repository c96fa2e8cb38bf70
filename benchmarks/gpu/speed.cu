// SPDX-License-Identifier: Apache-2.0
//
// Times the convolutions of tests/cases/conv2d.hpp and whole training steps on the GPU, as rows of Markdown tables.
//
//   speed kernels     TFLOP/s of each direction, beside the rates of a large product and of a large copy; by cuDNN as well, if it was built in
//   speed steps       milliseconds of a step, run as graphs and operation by operation
//   speed cases       the convolutions' names and sizes, for torch_convolutions.py
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

/// The median time of a call of f in seconds, where 20 of them run as one graph: of the GPU, and not of its launches.
template <class Function>
double seconds_in_graph(Context<Cuda>& context, const Function& f) {
  static std::uint64_t sequence = 0;
  ++sequence;
  constexpr int calls = 20;
  return seconds(context, [&](int) {
           const auto recording = context.record_sequence(sequence);
           for (int i = 0; i < calls; ++i) f();
         }) / calls;
}

Numbers random(Context<Cuda>& context, const Shape& shape) {
  Numbers x(shape);
  fill_normal(context, RandomStream(static_cast<std::uint64_t>(shape.count())), 0, 1, x.count(), x.data());
  return x;
}

/// Whether cuDNN was built in.
bool has_library(Context<Cuda>& context) {
  const Conv2dGeometry& g = conv_cases[0].geometry;
  return context.gpu().stream().convolution_workspace({.n = g.n, .h = g.h, .w = g.w, .c = g.c, .o = g.o, .r = g.r, .s = g.s, .p = g.p(), .q = g.q(),
                                                       .stride_h = g.stride_h, .stride_w = g.stride_w, .padding_h = g.padding_h, .padding_w = g.padding_w})
      .has_value();
}

void time_convolutions(Context<Cuda>& context, bool library, double peak, double copied) {
  std::puts("| convolution | forward, TFLOP/s (% of the product, of the copy) | backward_data | backward_weights |\n|---|---|---|---|");
  context.set_exact_products(false);
  context.set_library_convolutions(library ? LibraryConvolutions::all : LibraryConvolutions::none);
  for (const ConvCase& conv_case : conv_cases) {
    if (!conv_case.timed) continue;
    const Conv2dGeometry& g = conv_case.geometry;
    const Numbers x = random(context, g.image_shape()), w = random(context, g.filter_shape()), dy = random(context, g.output_shape());
    Numbers y(g.output_shape()), dx(g.image_shape()), dw(g.filter_shape());
    using Kernels = Conv2dKernels<Cuda>;
    const double times[] = {seconds_in_graph(context, [&] { Kernels::forward(context, g, x.data(), w.data(), y.data()); }),
                            seconds_in_graph(context, [&] { Kernels::backward_data(context, g, dy.data(), w.data(), dx.data()); }),
                            seconds_in_graph(context, [&] { Kernels::backward_weights(context, g, x.data(), dy.data(), dw.data(), false); })};
    std::printf("| %s |", conv_case.name);
    const double bytes = sizeof(float) * static_cast<double>(x.count() + w.count() + y.count());  // each value once
    for (const double time : times) {
      const double rate = 2e-12 * static_cast<double>(g.multiply_adds()) / time;
      std::printf(" %.2f (%.0f %%, %.0f %%) |", rate, 100 * rate / peak, 1e-7 * bytes / time / copied);
    }
    std::puts("");
  }
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
  for (const bool library : {false, true}) {
    if (library && !has_library(context)) continue;
    std::printf("%s\n\n", library ? "\nConvolutions by cuDNN:" : "Convolutions of nash's own:");
    time_convolutions(context, library, peak[0], copied);
  }
}

void print_cases() {
  for (const ConvCase& conv_case : conv_cases) {
    const Conv2dGeometry& g = conv_case.geometry;
    if (!conv_case.timed) continue;
    std::printf("%s", conv_case.name);
    for (const index_t size : {g.n, g.h, g.w, g.c, g.o, g.r, g.s, g.stride_h, g.stride_w, g.padding_h, g.padding_w}) std::printf(" %lld", static_cast<long long>(size));
    std::puts("");
  }
}

/// The training of both players, or the critic's step of WGAN-GP alone: what benchmarks/step.cpp and benchmarks/peers/torch_step.py time
/// as train and wgan_gp.
template <class G, class D>
auto training(G g, D d, bool recorded) {
  return GanTrainer{std::move(g), std::move(d), NonSaturating{}, {.seed = 1, .record_steps = recorded}};
}
template <class G, class D>
auto critic_alone(G g, D d, bool recorded) {
  return GanTrainer{std::move(g), std::move(d), Wasserstein{},
                    {.seed = 1, .discriminator = WganGpOptions{}.optimizer, .phases = {{Player::discriminator}}, .record_steps = recorded}, GradientPenalty{10}};
}

template <class Make>
void time_steps(const char* name, const Shape& image, const Make& make) {
  for (const index_t batch : {64, 128}) {
    double milliseconds[2];
    for (const bool recorded : {false, true}) {
      auto trainer = make(recorded);
      const Numbers images = random(trainer.context(), image.with_samples(batch));
      milliseconds[recorded] = 1e3 * seconds(trainer.context(), [&](int) { (void)trainer.step(images); });
    }
    std::printf("| %s | %lld | %.3f | %.3f |\n", name, static_cast<long long>(batch), milliseconds[1], milliseconds[0]);
  }
}

void time_all_steps() {
  Context<Cuda> context;
  std::printf("Steps with convolutions %s:\n\n", has_library(context) ? "of nash's own, large ones by cuDNN" : "of nash's own");
  std::puts("| step | batch | nash, as graphs, ms | nash, one operation at a time, ms |\n|---|---|---|---|");
  const Shape small{1, 28, 28, 1}, large{1, 64, 64, 3};
  const auto g28 = [] { return dcgan28_generator<float, Cuda>(); };
  const auto g64 = [] { return dcgan_generator<float, Cuda>({.size = 64}); };
  time_steps("dcgan28", small, [&](bool recorded) { return training(g28(), dcgan28_discriminator<float, Cuda>(), recorded); });
  time_steps("dcgan64", large, [&](bool recorded) { return training(g64(), dcgan_discriminator<float, Cuda>({.size = 64}), recorded); });
  time_steps("dcgan28, WGAN-GP's critic", small, [&](bool recorded) { return critic_alone(g28(), dcgan28_critic<float, Cuda>(), recorded); });
  time_steps("dcgan64, WGAN-GP's critic", large, [&](bool recorded) { return critic_alone(g64(), dcgan_critic<float, Cuda>({.size = 64}), recorded); });
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // rows as they come, for whoever ends it early
  try {
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what == "kernels")
      time_kernels();
    else if (what == "steps")
      time_all_steps();
    else if (what == "cases")
      print_cases();
    else
      throw Error("speed", "one argument is needed", "give kernels, steps or cases");
  } catch (const std::exception& error) {
    std::puts(error.what());
    return 1;
  }
}
