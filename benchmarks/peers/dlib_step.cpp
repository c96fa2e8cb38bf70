// SPDX-License-Identifier: Apache-2.0
//
// dlib's side of compare_steps.py: the networks of dcgan28 at width 64, with the options and the lines of JSON of the program step.
//
//   dlib_step dcgan28 --batch 64 --steps 5 --threads 2 --freeze 1
//
// The step is nash's as far as dlib's interface goes: a layer assigns the gradients of its parameters and does not add to them, so
// that the discriminator's two terms take an update of Adam each; the first layer of the discriminator computes the gradient of its
// input whether it is needed or not. As in the other programs convolutions have no biases and fakes go from one network to the other
// as floats (dlib's example rounds them to bytes). Convolutions are products of its BLAS, which alone use several threads.
#include <dlib/dnn.h>
#include <dlib/revision.h>
#include <omp.h>

#include "nash/data/idx_folder.hpp"
#include "nash/data/loader.hpp"
#include "support/arguments.hpp"
#include "support/step_rounds.hpp"

namespace {

constexpr long width = 64, latents = 100;

template <long filters, int kernel, int stride, int padding, class Below>
using down = dlib::add_layer<dlib::con_<filters, kernel, kernel, stride, stride, padding, padding>, Below>;
template <long filters, int kernel, int stride, int padding, class Below>
using up = dlib::add_layer<dlib::cont_<filters, kernel, kernel, stride, stride, padding, padding>, Below>;

using Image = dlib::matrix<float>;

template <class Below> using Up1 = dlib::relu<dlib::bn_con<up<4 * width, 4, 1, 0, Below>>>;
template <class Below> using Up2 = dlib::relu<dlib::bn_con<up<2 * width, 3, 2, 1, Below>>>;
template <class Below> using Up3 = dlib::relu<dlib::bn_con<up<width, 4, 2, 1, Below>>>;
using Generator = dlib::htan<up<1, 4, 2, 1, Up3<Up2<Up1<dlib::input<Image>>>>>>;

template <class Below> using Down1 = dlib::leaky_relu<down<width, 4, 2, 1, Below>>;
template <class Below> using Down2 = dlib::leaky_relu<dlib::bn_con<down<2 * width, 4, 2, 1, Below>>>;
template <class Below> using Down3 = dlib::leaky_relu<dlib::bn_con<down<4 * width, 3, 2, 1, Below>>>;
using Discriminator = dlib::loss_binary_log<down<1, 4, 1, 0, Down3<Down2<Down1<dlib::input<Image>>>>>>;

/// What every layer is to be told: no biases, and the slope of LeakyReLU.
struct Configure {
  template <class T, class U, class E>
  void operator()(dlib::add_layer<T, U, E>& layer) const {
    if constexpr (requires { layer.layer_details().disable_bias(); })
      if constexpr (requires { layer.layer_details().num_filters(); }) layer.layer_details().disable_bias();
    if constexpr (std::is_same_v<T, dlib::leaky_relu_>) layer.layer_details() = dlib::leaky_relu_(0.2f);
  }
  template <class Other>
  void operator()(Other&) const {}
};

/// N(0, 0.02) for filters and N(1, 0.02) for the factors of BatchNorm, as in the other programs.
struct Initialise {
  dlib::tt::tensor_rand& random;

  template <class T, class U, class E>
  void operator()(dlib::add_layer<T, U, E>& layer) const {
    dlib::tensor& parameters = layer.layer_details().get_layer_params();
    if (parameters.size() == 0) return;
    dlib::resizable_tensor drawn;
    if constexpr (std::is_same_v<T, dlib::bn_<dlib::CONV_MODE>>) {
      drawn.set_size(static_cast<long long>(parameters.size() / 2));  // the rest are the offsets, which stay 0
      random.fill_gaussian(drawn, 1, 0.02f);
    } else {
      drawn.copy_size(parameters);
      random.fill_gaussian(drawn, 0, 0.02f);
    }
    std::copy(drawn.begin(), drawn.end(), parameters.begin());
  }
  template <class Other>
  void operator()(Other&) const {}
};

class Gan {
 public:
  Gan(const dlib::resizable_tensor& real, bool freeze)
      : batch_(real.num_samples()), freeze_(freeze), real_(real), ones_(static_cast<std::size_t>(batch_), 1.0f),
        minus_ones_(static_cast<std::size_t>(batch_), -1.0f), solvers_g_(Generator::num_computational_layers, dlib::adam(0, 0.5f, 0.999f)),
        solvers_d_(Discriminator::num_computational_layers, dlib::adam(0, 0.5f, 0.999f)) {
    // Networks know their sizes only when something went through them, which enters no running average of BatchNorm that counts here.
    const Image pixel(1, 1), image(28, 28);
    dlib::resizable_tensor unused;
    generator_.to_tensor(&pixel, &pixel + 1, unused);
    discriminator_.to_tensor(&image, &image + 1, unused);
    dlib::visit_layers(generator_, Configure{});
    dlib::visit_layers(discriminator_, Configure{});
    latents_.set_size(batch_, latents, 1, 1);
    draw_latents();
    generator_.forward(latents_);
    discriminator_.forward(real_);
    dlib::visit_layers(generator_, Initialise{random_});
    dlib::visit_layers(discriminator_, Initialise{random_});
  }

  benchmark::Losses step() {
    freeze(false);
    double d_loss = discriminator_.compute_parameter_gradients(real_, ones_.begin());
    discriminator_.update_parameters(solvers_d_, rate);
    draw_latents();
    d_loss += discriminator_.compute_parameter_gradients(generator_.forward(latents_), minus_ones_.begin());
    discriminator_.update_parameters(solvers_d_, rate);

    freeze(freeze_);
    draw_latents();
    const dlib::tensor& fakes = generator_.forward(latents_);
    const double g_loss = discriminator_.compute_parameter_gradients(fakes, ones_.begin());
    generator_.back_propagate_error(latents_, discriminator_.get_final_data_gradient());
    generator_.update_parameters(solvers_g_, rate);
    return {d_loss, g_loss};
  }

  std::int64_t parameters_g() const { return static_cast<std::int64_t>(dlib::count_parameters(generator_)); }
  std::int64_t parameters_d() const { return static_cast<std::int64_t>(dlib::count_parameters(discriminator_)); }

 private:
  static constexpr double rate = 2e-4;

  void draw_latents() { random_.fill_gaussian(latents_); }

  /// Layers whose rate is zero do not compute the gradients of their filters.
  void freeze(bool on) { dlib::set_all_learning_rate_multipliers(discriminator_, on ? 0 : 1); }

  long long batch_;
  bool freeze_;
  dlib::tt::tensor_rand random_{1};
  const dlib::resizable_tensor& real_;
  dlib::resizable_tensor latents_;
  std::vector<float> ones_, minus_ones_;  // what loss_binary_log takes for true and false
  Generator generator_;
  Discriminator discriminator_;
  std::vector<dlib::adam> solvers_g_, solvers_d_;
};

/// The first digits of a folder or, without one, random images.
dlib::resizable_tensor real_images(const std::string& folder, std::int64_t batch) {
  dlib::resizable_tensor images(batch, 1, 28, 28);  // of one channel, so that dlib's layout is nash's
  if (folder.empty()) {
    dlib::tt::tensor_rand(1).fill_uniform(images);
    for (float& value : images) value = 2 * value - 1;
  } else {
    nash::Loader loader{nash::load_idx_folder(folder), {.batch_size = batch}};
    const nash::Batch<>& first = *loader.begin();
    std::copy(first.images.begin(), first.images.end(), images.begin());
  }
  return images;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> networks;
  std::string mode = "train", data;
  std::int64_t batch = 64, steps = 10, rounds = 1, threads = omp_get_max_threads(), freeze = 0, asked_width = width;
  example::Arguments arguments("Times training steps of dlib's and prints lines of JSON.");
  arguments.positional("network", networks, "dcgan28")
      .option("--mode", mode, "train")
      .option("--batch", batch, "images a step")
      .option("--steps", steps, "in a round")
      .option("--rounds", rounds, "0: one for each line of input")
      .option("--threads", threads, "of the BLAS")
      .option("--width", asked_width, "64, since dlib's networks have their sizes in their types")
      .option("--freeze", freeze, "1: no gradients of the discriminator's filters in the generator's step")
      .option("--data", data, "folder of 28×28 digits to train on; else the images are random");
  return arguments.run(argc, argv, [&] {
    if (networks != std::vector<std::string>{"dcgan28"} || mode != "train" || asked_width != width)
      throw nash::ShapeError("dlib_step", nash::concat({"dcgan28 with --mode train and --width ", width}),
                             nash::concat({networks.empty() ? "no network" : networks[0], ", ", mode, " and ", asked_width}), "nothing else is written for dlib");
    example::require_at_least(2, static_cast<double>(batch), "--batch", "BatchNorm trains on no single image");
    example::require_at_least(1, static_cast<double>(steps), "--steps", "");
    example::require_at_least(0, static_cast<double>(rounds), "--rounds", "");
    example::require_at_least(1, static_cast<double>(threads), "--threads", "");
    omp_set_num_threads(static_cast<int>(threads));
    const dlib::resizable_tensor real = real_images(data, batch);
    const double before = benchmark::live_memory();
    Gan gan(real, freeze != 0);
    // dlib allocates as it goes: each parameter comes to have a gradient, two moments of Adam and the step to add.
    const double lasting = before + 5 * sizeof(float) * static_cast<double>(gan.parameters_g() + gan.parameters_d()) / (1 << 20);
    const std::string library = nash::concat({"dlib ", DLIB_MAJOR_VERSION, ".", DLIB_MINOR_VERSION});
    run_rounds(benchmark::Rounds{rounds, steps, library, gan.parameters_g(), gan.parameters_d()}, [&] { return gan.step(); }, lasting);
  });
}
