// SPDX-License-Identifier: Apache-2.0
#include "nash/train/any_method.hpp"

#include "allocations.hpp"
#include "method/methods.hpp"
#include "nash/nash.hpp"
#include "nash/train/checkpoint.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

const Shape image_batch{6, 8, 8, 1};

auto make_generator() {
  auto g = small_generator();
  g.initialise(1);
  return g;
}
auto make_discriminator() {
  Discriminator d{Sequential{Conv2d{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}, LayerNorm{4}, LeakyReLU{0.2}, Dense{4 * 4 * 4, 5}, Tanh{},
                             Dense{5, 4}}};
  d.initialise(2);
  return d;
}
using AnyOfPlayers = AnyMethod<decltype(make_generator()), decltype(make_discriminator())>;
using AnyList = std::vector<AnyOfPlayers>;

/// Some steps of a trainer: every value of the reports, with those that there are not, and all of the state, with its names.
template <class Trainer>
std::vector<std::string> story_of(Trainer& trainer, int steps) {
  std::vector<std::string> story;
  for (int step = 0; step < steps; ++step) {
    const StepReport report = trainer.step(random_images(image_batch, static_cast<std::uint64_t>(step)), labels_in_turn(6, 3), 3);
    for (const auto& value : {report.d_loss, report.g_loss, report.d_real, report.d_fake, report.d_added, report.g_added, report.d_gradient_norm, report.g_gradient_norm})
      story.push_back(exact_text(value));
  }
  Trainer::visit_state(trainer, [&]<class State>(const StateName& name, const State& state) {
    std::string text = name.text() + ":";
    if constexpr (requires { state.to_host(); }) {
      for (const auto value : state.to_host()) text += " " + exact_text(value);
    } else if constexpr (std::is_same_v<State, Probability>) {
      text += " " + exact_text(state.value);
    } else if constexpr (std::is_same_v<State, std::string>) {
      text += " " + state;
    } else {
      text += " " + exact_text(state);
    }
    story.push_back(text);
  });
  return story;
}

/// A trainer with methods that are chosen at run time is one that knew them when it was compiled, and takes its checkpoints.
template <class L, class... Methods>
void check_same(const std::string& name, const L& loss, const Methods&... methods) {
  CAPTURE(name);
  const TrainerOptions options{.seed = 3, .threads = 1};
  const auto known = [&] { return GanTrainer{make_generator(), make_discriminator(), loss, options, methods...}; };
  const auto chosen = [&] { return GanTrainer{make_generator(), make_discriminator(), loss, options, AnyList{methods...}}; };
  auto a = known();
  auto b = chosen();
  CHECK(story_of(a, 3) == story_of(b, 3));

  const TemporaryFolder folder;
  save_checkpoint(folder / "known.safetensors", a);
  save_checkpoint(folder / "chosen.safetensors", b);
  auto a2 = known();
  auto b2 = chosen();
  load_checkpoint(folder / "chosen.safetensors", a2);
  load_checkpoint(folder / "known.safetensors", b2);
  const auto on = story_of(a, 2);
  CHECK(on == story_of(a2, 2));
  CHECK(on == story_of(b2, 2));
}

}  // namespace

TEST_CASE("methods that are chosen at run time do what they do when the compiler knows them, to the last bit") {
  check_same("one of D's terms", Wasserstein{}, GradientPenalty{1});
  check_same("a lazy one, which counts", Hinge{}, R1{1, 2});
  check_same("after the update", Wasserstein{}, WeightClip{0.05});
  check_same("parameters", NonSaturating{}, OrthogonalRegularisation{0.1, Player::generator}, HistoricalAveraging{0.1});
  check_same("logits", NonSaturating{}, LeCam{0.3, {.begin = 1}});
  check_same("labels", NonSaturating{}, LabelSmoothing{0.9, 1}, LabelFlips{0.2});
  check_same("images", Hinge{}, InstanceNoise{0.1, 10}, DiffAugment{});
  check_same("images whose share changes", NonSaturating{}, AdaptiveAugmentation{{.interval = 1, .images = 20, .probability = 0.5}});
  check_same("weights", NonSaturating{}, TopK{{.decay = 0.8, .every = 1}});
  check_same("features", NonSaturating{}, FeatureMatching{1, {0, 2}});
  check_same("phases", NonSaturating{}, BalancedSteps{1e-3});
  check_same("latents", NonSaturating{}, Logan{0.5});
  check_same("classes", NonSaturating{}, AuxiliaryClassifier{1, {.classes = 3}});
  check_same("both batches", RelativisticAverage{}, GradientPenalty{1}, InstanceNoise{0.1}, FeatureMatching{1});
}

TEST_CASE("so do many at once") {
  check_same("many", LeastSquares{}, InstanceNoise{0.1}, GradientPenalty{1}, R1{1, 3}, WeightClip{0.5}, OrthogonalRegularisation{0.1},
             LeCam{0.3, {.begin = 1}}, LabelSmoothing{0.9, 1}, TopK{{.decay = 0.8, .every = 1}}, HistoricalAveraging{0.1}, FeatureMatching{1, {0}},
             Logan{0.5}, DiffAugment{}, AdaptiveAugmentation{{.interval = 1, .images = 20, .probability = 0.5}});
  check_same("a pool", NonSaturating{}, InstanceNoise{0.1}, ReplayPool{20}, LeCam{0.1, {.begin = 1}}, R2{1}, Dragan{1}, WeightClip{0.5});
}

TEST_CASE("an empty list changes nothing, and reports nothing") {
  GanTrainer plain{make_generator(), make_discriminator(), NonSaturating{}, {.seed = 3}};
  GanTrainer chosen{make_generator(), make_discriminator(), NonSaturating{}, {.seed = 3}, AnyList{}};
  CHECK(same_bits(state_after(plain, 2, image_batch), state_after(chosen, 2, image_batch)));
  CHECK_FALSE(chosen.step(random_images(image_batch)).d_added);
}

TEST_CASE("a steady step with a list of methods allocates nothing") {
  GanTrainer trainer{make_generator(), make_discriminator(), NonSaturating{}, {.seed = 3, .threads = 1},
                     AnyList{GradientPenalty{1}, InstanceNoise{0.1}, LabelFlips{0.2}, TopK{}, HistoricalAveraging{0.1}, Logan{0.5}}};
  const auto images = random_images(image_batch);
  for (int step = 0; step < 2; ++step) trainer.step(images);
  const std::int64_t before = allocation_count();
  for (int step = 0; step < 2; ++step) trainer.step(images);
  if (counts_allocations()) CHECK(allocation_count() == before);
}

TEST_CASE("a list that is given to two trainers is at work in each by itself") {
  const AnyList list{LeCam{0.3}, R1{1, 2}};
  GanTrainer one{make_generator(), make_discriminator(), NonSaturating{}, list};
  GanTrainer other{make_generator(), make_discriminator(), NonSaturating{}, list};
  story_of(one, 3);
  const auto averages = [](auto& trainer) {
    double sum = 0;
    auto& lecam = trainer.template method<LeCam>();
    std::remove_cvref_t<decltype(lecam)>::visit_state(lecam, [&]<class State>(const StateName&, const State& state) {
      if constexpr (requires { state.to_host(); })
        for (const auto value : state.to_host()) sum += std::abs(static_cast<double>(value));
      else
        sum += std::abs(static_cast<double>(state));
    });
    return sum;
  };
  CHECK(averages(other) == 0);
  CHECK(averages(one) > 0);
}

TEST_CASE("a method of a list is found by its type, or refused") {
  GanTrainer trainer{make_generator(), make_discriminator(), NonSaturating{}, AnyList{InstanceNoise{0.1}, LeCam{0.3}}};
  trainer.method<LeCam>();
  CHECK(message_of<Error>([&] { trainer.method<TopK>(); }) ==
        "GanTrainer: expected the method TopK, got InstanceNoise, LeCam.\nAsk for one that it was given.");
}

struct OwnWeights {
  static constexpr const char* name = "OwnWeights";
  void weigh_fakes(const Update<Cpu>&, const Tensor<float>&, Tensor<float>&) const {}
};
struct OwnPool {
  static constexpr const char* name = "OwnPool";
  static constexpr bool exchanges_fakes = true;
  void change_images(const Update<Cpu>&, ImageSource, Tensor<float>&) const {}
};

TEST_CASE("what makes no sense is refused when a trainer with a list is made, as the compiler does") {
  const auto make = [](auto loss, const TrainerOptions& options, const AnyList& list) {
    return message_of<ShapeError>([&] { GanTrainer(make_generator(), make_discriminator(), loss, options, list); });
  };
  CHECK(make(RelativisticAverage{}, {}, {InstanceNoise{0.1}, LabelFlips{0.1}}) ==
        "GanTrainer: expected a loss that takes one logit at a time, where labels are softened or flipped or fakes weighed, got one that compares both "
        "sides.\nLeave LabelFlips out, or use another loss.");
  CHECK(make(RelativisticAverage{}, {}, {TopK{}, InstanceNoise{0.1}, OwnWeights{}}).find("Leave TopK, OwnWeights out") != std::string::npos);
  CHECK(make(NonSaturating{}, {}, {Logan{0.5}, TopK{}, Logan{0.1}}) ==
        "GanTrainer: expected at most one method that changes latents by the networks' parameters, got Logan, TopK, Logan.\nLeave one out.");
  CHECK(make(NonSaturating{}, {.reuse_fakes = true}, {Logan{0.5}}).find("no method that changes latents") != std::string::npos);
  CHECK(make(NonSaturating{}, {.reuse_fakes = true}, {BalancedSteps{1}}).find("no method that leaves phases out") != std::string::npos);
  CHECK(make(NonSaturating{}, {}, {ReplayPool{20}, AuxiliaryClassifier{1, {.classes = 3}}}).find("Leave ReplayPool out") != std::string::npos);
  CHECK(make(NonSaturating{}, {}, {OwnPool{}, AuxiliaryClassifier{1, {.classes = 3}}}).find("Leave OwnPool out") != std::string::npos);
}

TEST_CASE("networks that are put together at run time take methods that are chosen there, and are asked whether they can") {
  const auto train = [](bool batch_norm) {
    std::vector<AnyLayer<>> g, d;
    g.push_back(Dense{3, 25}), g.push_back(Tanh{}), g.push_back(Reshape{5, 5, 1});
    d.push_back(Dense{25, 4});
    if (batch_norm) d.push_back(BatchNorm{4});
    d.push_back(Dense{4, 1});
    std::vector<AnyMethod<>> methods{InstanceNoise{0.1}};
    methods.push_back(GradientPenalty{10});
    GanTrainer trainer{Generator{Latent::normal(3), AnySequential(g)}, Discriminator{AnySequential(d)}, Hinge{}, methods};
    return *trainer.step(random_images({4, 5, 5, 1})).d_added;
  };
  CHECK(train(false) > 0);
  CHECK(message_of<Error>([&] { train(true); }).find("BatchNorm") != std::string::npos);
}
