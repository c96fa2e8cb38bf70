// SPDX-License-Identifier: Apache-2.0
//
// Trains a DCGAN on digits on the GPU: 20 steps beside the same ones on the processor, then 500 more that must stay finite and give
// pictures that are like digits. Writes 64 of them.
//
//   train <IDX file of digits> <PGM file to write>
#include <cstdio>

#include "digits.hpp"
#include "nash/cuda.hpp"

using namespace nash;

namespace {

template <class Device>
auto trainer() {
  const Dcgan28DenseOptions size{.width = 32, .hidden = 512};
  const Adam adam{.learning_rate = 1e-3};
  return GanTrainer{dcgan28_dense_generator<float, Device>(size), dcgan28_dense_discriminator<float, Device>(size), NonSaturating{},
                    {.seed = 1, .generator = adam, .discriminator = adam, .average_decay = 0.99}};
}

int run(const std::string& digits, const std::string& picture) {
  Loader<float, Cpu> loader{gpu_check::read_digits(digits), {.batch_size = 64, .seed = 1}};
  Loader<float, Cuda> gpu_loader{gpu_check::read_digits(digits), {.batch_size = 64, .seed = 1}};
  auto here = trainer<Cpu>();
  auto there = trainer<Cuda>();
  there.context().set_exact_products(true);
  double worst = 0;
  for (int step = 1; step <= 20; ++step) {
    const StepReport a = here.step(loader.next()), b = there.step(gpu_loader.next());
    const double off = std::max(std::abs(*a.d_loss - *b.d_loss) / *a.d_loss, std::abs(*a.g_loss - *b.g_loss) / *a.g_loss);
    worst = std::max(worst, off);
    std::printf("step %2d: D %.6f on the processor, %.6f on the GPU; G %.6f, %.6f\n", step, *a.d_loss, *b.d_loss, *a.g_loss, *b.g_loss);
  }
  // The first steps agree to rounding; then Adam, which divides by the size of each gradient, makes differences larger.
  std::printf("largest difference of a loss in 20 steps: %.2e, at most 5e-2\n", worst);
  there.context().set_exact_products(false);
  for (int step = 21; step <= 520; ++step) {
    const StepReport report = there.step(gpu_loader.next());  // throws if something is not finite
    if (step % 100 == 20) std::printf("step %d: D(x) %.2f, D(G(z)) %.2f\n", step, *report.d_real, *report.d_fake);
  }
  const auto samples = there.sampling_generator().generate(there.context(), RandomStream(1), 64);
  const std::vector<float> pictures = samples.to_host();
  gpu_check::write_grid(picture, pictures, 28);
  const std::string flaw = gpu_check::flaw_of(pictures, gpu_check::read_digits(digits));
  std::printf("64 digits: %s%s%s\n", picture.c_str(), flaw.empty() ? "" : ": ", flaw.c_str());
  return worst <= 5e-2 && flaw.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // rows as they come, for whoever ends it early
  try {
    if (argc != 3) throw Error("train", "two arguments are needed", "give a file of digits and one to write");
    return run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::puts(error.what());
    return 1;
  }
}
