// SPDX-License-Identifier: Apache-2.0
// The program of all consumers: it uses nash as a user would, with file formats where CONSUMER_IO says that they are there.
#include <cstdio>
#include <nash/nash.hpp>

#if !defined(_OPENMP)
#error "nash::nash brings OpenMP, but this file is compiled without it"
#endif

#if CONSUMER_IO
#include <filesystem>
#include <nash/io.hpp>

/// Writes a PNG and a GIF and reads compressed labels: every library of nash::io is linked.
bool use_files() {
  const std::filesystem::path folder = "consumer-files";
  const nash::Image image = nash::image_grid(nash::Tensor<float>::zeros({4, 8, 8, 1}));
  nash::write_png(folder / "grid.png", image);
  nash::write_gif(folder / "grid.gif", std::vector{image, image});
  // The IDX labels 7, 1 and 4, by gzip -n.
  const nash::Bytes labels{0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x63, 0x60, 0xe0, 0x60, 0x64, 0x60,
                           0x60, 0x60, 0x66, 0x67, 0x64, 0x01, 0x00, 0x59, 0x5f, 0x79, 0x15, 0x0b, 0x00, 0x00, 0x00};
  nash::write_file(folder / "labels.gz", labels);
  return nash::read_png(folder / "grid.png").width == image.width && std::filesystem::file_size(folder / "grid.gif") > 0 &&
         nash::read_idx_labels(folder / "labels.gz") == nash::Bytes{7, 1, 4};
}
#else
bool use_files() { return true; }
#endif

int main() {
  nash::Network network{nash::Sequential{nash::Dense{100, 64}, nash::ReLU{}, nash::Dense{64, 3}}, "Consumer"};
  network.initialise(42);
  nash::Context<> context;
  nash::Tensor<float> latents, outputs;
  nash::Latent::normal(100).draw(context, nash::RandomStream(42), 8, latents);
  network.forward({context}, latents, outputs, nullptr);

  std::printf("%s, first value %.3f\n", outputs.shape().text().c_str(), static_cast<double>(outputs[0]));
  return outputs.shape() == nash::Shape{8, 3} && use_files() ? 0 : 1;
}
