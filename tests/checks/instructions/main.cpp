// SPDX-License-Identifier: Apache-2.0
//
// Work whose instructions are counted, one kind a call: see cmake/CheckInstructions.cmake.
#include <cmath>
#include <cstdio>
#include <string_view>

#include "nash/nash.hpp"

using namespace nash;

namespace {

/// What the counter counts: nothing that sets up. Of C, so that it can be named to the counter.
extern "C" __attribute__((noinline)) void counted(void (*work)(void*), void* data) { work(data); }

template <class Function>
void count(Function function) {
  function();  // memory is taken
  counted([](void* f) { (*static_cast<Function*>(f))(); }, &function);
}

Tensor<float> random(Context<Cpu>& context, const Shape& shape) {
  Tensor<float> tensor(shape);
  fill_uniform(context, RandomStream(1), -1, 1, tensor.count(), tensor.data());
  return tensor;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 2 ? argv[1] : "";
  Context<Cpu> context(1);
  context.limit_instruction_set(InstructionSet::avx2);  // the widest that the counter knows

  // The kinds conv2d_… are products of packed operands; of a larger batch, filtering_…, minimal filtering.
  const bool filtering = kind.starts_with("filtering_");
  const index_t samples = filtering ? 16 : 8, side = filtering ? 16 : 14;
  const Conv2dGeometry g{.n = samples, .h = side, .w = side, .c = 32, .o = 48, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1};
  if (cpu::Winograd<float>::suits(context, g) != filtering) {
    std::fprintf(stderr, "these sizes no longer choose the kernel that is meant\n");
    return 1;
  }
  const auto x = random(context, g.image_shape()), w = random(context, g.filter_shape()), y = random(context, g.output_shape());
  Tensor<float> result(g.image_shape()), dw(g.filter_shape());
  using Conv = Conv2dKernels<Cpu>;
  if (kind == "conv2d_forward" || kind == "filtering_forward") {
    count([&] { Conv::forward(context, g, x.data(), w.data(), result.data()); });
  } else if (kind == "conv2d_backward_data" || kind == "filtering_backward_data") {
    count([&] { Conv::backward_data(context, g, y.data(), w.data(), result.data()); });
  } else if (kind == "conv2d_backward_weights" || kind == "filtering_backward_weights") {
    count([&] { Conv::backward_weights(context, g, x.data(), y.data(), dw.data()); });
  } else if (kind.starts_with("thin_")) {
    const Conv2dGeometry thin{.n = 8, .h = 28, .w = 28, .c = 1, .o = 64, .r = 4, .s = 4, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1};
    const auto image = random(context, thin.image_shape()), filters = random(context, thin.filter_shape()), gradients = random(context, thin.output_shape());
    Tensor<float> out(kind == "thin_forward" ? thin.output_shape() : kind == "thin_backward_data" ? thin.image_shape() : thin.filter_shape());
    if (kind == "thin_forward") count([&] { Conv::forward(context, thin, image.data(), filters.data(), out.data()); });
    if (kind == "thin_backward_data") count([&] { Conv::backward_data(context, thin, gradients.data(), filters.data(), out.data()); });
    if (kind == "thin_backward_weights") count([&] { Conv::backward_weights(context, thin, image.data(), gradients.data(), out.data()); });
  } else if (kind == "gemm") {
    const auto a = random(context, {200, 200}), b = random(context, {200, 200});
    Tensor<float> c(Shape{200, 200});
    count([&] { GemmKernels<Cpu>::multiply(context, {.m = 200, .n = 200, .k = 200}, a.data(), b.data(), c.data()); });
  } else if (kind == "batch_norm") {
    Discriminator norm{Sequential{BatchNorm{64}}};
    norm.initialise(1);
    const auto in = random(context, {2000, 64}), dy = random(context, {2000, 64});
    Tensor<float> out, dx;
    decltype(norm)::Saved saved;
    count([&] {
      norm.forward({context, Mode::train}, in, out, &saved);
      norm.backward({context, Mode::train}, in, out, saved, dy, &dx, nullptr);
    });
  } else if (kind == "adam") {
    const auto gradient = random(context, {100'000});
    auto theta = random(context, {100'000}), m = random(context, {100'000}), v = random(context, {100'000});
    for (float& second : v) second = std::abs(second);
    count([&] { pointwise(context, theta.count(), Adam{}.update<float>(theta.data(), gradient.data(), {m.data(), v.data()}, 10, 1e-3)); });
  } else if (kind == "normal_draws") {
    Tensor<float> draws(Shape{100'000});
    count([&] { fill_normal(context, RandomStream(1), 0, 1, draws.count(), draws.data()); });
  } else if (kind == "dcgan_step") {
    GanTrainer trainer{dcgan28_generator({.width = 16}), dcgan28_discriminator({.width = 16}), NonSaturating{}, {.seed = 1, .threads = 1}};
    const auto images = random(context, {8, 28, 28, 1});
    count([&] { trainer.step(images); });
  } else {
    std::fprintf(stderr, "usage: nash_instructions (conv2d|filtering|thin)_(forward|backward_data|backward_weights) | gemm | batch_norm | adam | normal_draws | dcgan_step\n");
    return 2;
  }
}
