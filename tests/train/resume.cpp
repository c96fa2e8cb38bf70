// SPDX-License-Identifier: Apache-2.0
#include "method/methods.hpp"
#include "nash/nash.hpp"
#include "nash/train/checkpoint.hpp"
#include "stand_in.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

constexpr Shape batch_shape{6, 8, 8, 1};

/// A method of one's own: it adds the last batch's noise to real images, in memory that it has from the first batch on.
class Echo {
 public:
  template <class G, class D>
  class Work {
    using T = typename D::Scalar;
    using Device = typename D::Device;

   public:
    Work(const Echo&, const G&, const D&) {}
    void change_images(const Update<Device>& update, ImageSource source, Tensor<T, Device>& images) {
      if (source == ImageSource::generated) return;
      if (!last_.empty()) pointwise(update.context, images.count(), Accumulate<T>{last_.data(), images.data()});
      last_ = images;
    }
    template <class Self, class Visitor>
    static void visit_state(Self& self, Visitor&& visit) {
      visit("last", self.last_);
    }

   private:
    Tensor<T, Device> last_;
  };
};

/// Two players with state of every kind: running statistics in one, power iterations in the other.
template <class T = float, class Device = Cpu>
auto resumable_discriminator() {
  Discriminator d{Sequential{SpectralNorm{Conv2d<T>{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}}, LayerNorm<T>{4}, LeakyReLU<T>{0.2}, Dropout<T>{0.2},
                             SpectralNorm{Maxout<T>{64, 5, {.pieces = 2}}}, SpectralNorm{Dense<T>{5, 1}}}};
  d.initialise(2);
  return d.template to<T, Device>();
}
template <class T = float, class Device = Cpu>
auto resumable_generator() {
  auto g = small_generator<T>();
  g.initialise(1);
  return g.template to<T, Device>();
}

const TrainerOptions resumable{.seed = 3, .average_decay = 0.9};

template <class T = float, class Device = Cpu, class... Methods>
auto trainer_with(const TrainerOptions& options, const Methods&... methods) {
  return GanTrainer{resumable_generator<T, Device>(), resumable_discriminator<T, Device>(), NonSaturating{}, options, methods...};
}

/// Every number and tensor of a trainer, by name.
template <class Trainer>
std::map<std::string, std::vector<double>> whole_state(const Trainer& trainer) {
  std::map<std::string, std::vector<double>> all;
  Trainer::visit_state(trainer, [&]<class State>(const StateName& name, const State& state) {
    auto& values = all[name.text()];
    if constexpr (requires { state.to_host(); }) {
      const auto own = state.to_host();
      values.assign(own.begin(), own.end());
    } else if constexpr (std::is_same_v<State, std::optional<double>>) {
      if (state) values = {*state};
    } else if constexpr (std::is_convertible_v<State, double>) {
      values = {static_cast<double>(state)};
    }
  });
  return all;
}

template <class Trainer>
void take_steps(Trainer& trainer, int steps) {
  for (int step = 0; step < steps; ++step)
    trainer.step(random_images<typename Trainer::Scalar, typename Trainer::Device>(batch_shape, static_cast<std::uint64_t>(trainer.steps())), labels_in_turn(6));
}

/// The names of what differs between two states, NaN being the same as NaN.
std::string differences(const std::map<std::string, std::vector<double>>& a, const std::map<std::string, std::vector<double>>& b) {
  std::string names;
  for (const auto& [name, values] : a)
    if (!b.contains(name) || !same_bits(values, b.at(name))) names += name + " ";
  return a.size() == b.size() ? names : names + "and their number";
}

/// Six steps at once, and three, a file, another trainer that goes on from there, and three more: the same bits. Where a part of the
/// state, by the beginning of its name, is as in a fresh trainer after loading, the rest becomes another: else nobody would miss it.
template <class T = float, class Device = Cpu, class... Methods>
void check_resumed(const std::vector<std::string>& parts, const Methods&... methods) {
  const TemporaryFolder folder;
  const auto path = folder / "run.safetensors";
  auto whole = trainer_with<T, Device>(resumable, methods...);
  take_steps(whole, 6);
  auto first = trainer_with<T, Device>(resumable, methods...);
  take_steps(first, 3);
  save_checkpoint(path, first);

  TrainerOptions other_seed = resumable;
  other_seed.seed = 99;
  auto second = trainer_with<T, Device>(other_seed, methods...);
  for (const int before : {0, 2}) {  // in a fresh trainer, and in one that has gone another way
    CAPTURE(before);
    take_steps(second, before);
    load_checkpoint(path, second);
    CHECK(second.steps() == 3);
    CHECK(differences(whole_state(second), whole_state(first)) == "");
    take_steps(second, 3);
    CHECK(differences(whole_state(second), whole_state(whole)) == "");
  }

  for (const std::string& part : parts) {
    CAPTURE(part);
    auto fresh = trainer_with<T, Device>(resumable, methods...);
    load_checkpoint(path, second);
    std::map<std::string, std::function<void(void*)>> assign;
    decltype(fresh)::visit_state(fresh, [&]<class State>(const StateName& name, State& state) {
      if constexpr (!std::is_const_v<State>) assign[name.text()] = [&state](void* to) { *static_cast<State*>(to) = state; };
    });
    int forgotten = 0;
    decltype(second)::visit_state(second, [&]<class State>(const StateName& name, State& state) {
      if constexpr (!std::is_const_v<State>)
        if (name.text().starts_with(part)) assign.at(name.text())(&state), ++forgotten;
    });
    CHECK(forgotten > 0);
    second.mark_loaded();
    take_steps(second, 3);
    auto with = whole_state(whole), without = whole_state(second);
    for (auto* state : {&with, &without}) std::erase_if(*state, [&](const auto& entry) { return entry.first.starts_with(part); });
    CHECK(differences(without, with) != "");
  }
}

}  // namespace

TEST_CASE("a run that was stopped and resumed is the same run to the last bit: networks, average, optimisers, random numbers") {
  check_resumed({"generator.0.weight", "generator.2.running_mean", "discriminator.0.u", "discriminator.4.weight", "generator.optimizer.0.slot",
                 "discriminator.optimizer.1.slot", "discriminator.optimizer.steps", "steps"});
  check_resumed<double>({});
}

TEST_CASE("so it is with each method that carries something from step to step") {
  check_resumed({"methods.0.real.average", "methods.0.fake.average", "methods.0.updates"}, LeCam{0.3, {.decay = 0.5, .begin = 1}});
  check_resumed<double>({"methods.0.real.average", "methods.0.fake.average"}, LeCam{0.3, {.decay = 0.5, .begin = 1}});
  check_resumed<float, StandIn>({"methods.0.real.average", "methods.0.fake.average"}, LeCam{0.3, {.decay = 0.5, .begin = 1}});
  check_resumed({"methods.0"}, R1{1, 2});
  check_resumed({"methods.0"}, R2{1, 2});
  check_resumed({"methods.0.generator.mean", "methods.0.generator.updates", "methods.0.discriminator.mean", "methods.0.discriminator.updates"},
                HistoricalAveraging{1});
  check_resumed({"methods.0.pool", "methods.0.filled"}, ReplayPool{20});
  check_resumed({"methods.0.probability", "methods.0.s", "methods.0.updates"},
                AdaptiveAugmentation{{.target = -1, .interval = 2, .images = 100, .probability = 0.3}});
  check_resumed({"last_report"}, BalancedSteps{0});
  check_resumed({"methods.0.last"}, Echo{});
}

TEST_CASE("and with all methods at once, on a GPU's stand-in") {
  check_resumed<float, StandIn>({"methods.14.discriminator.mean", "methods.15.pool"}, GradientPenalty{1}, Dragan{1}, R1{1}, R2{1, 2}, WeightClip{0.5},
                                OrthogonalRegularisation{0.1}, LeCam{0.3, {.begin = 1}}, LabelSmoothing{0.9, 1}, LabelFlips{0.2}, InstanceNoise{0.1, 10},
                                TopK{{.decay = 0.8, .every = 1}}, FeatureMatching{1}, DiffAugment{}, Logan{0.5}, HistoricalAveraging{0.1}, ReplayPool{20},
                                BalancedSteps{1}, AdaptiveAugmentation{{.interval = 1, .images = 20, .probability = 0.5}});
}

TEST_CASE("a loader goes on where the run does: a step has one batch") {
  const TemporaryFolder folder;
  std::vector<std::uint8_t> pixels(11 * 8 * 8);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 37 % 251);
  const Dataset dataset("pixels", {11, 8, 8, 1}, pixels);
  const auto go_on = [&](auto& trainer, int steps) {
    Loader loader{dataset, {.batch_size = 3, .seed = 7, .first_batch = trainer.steps()}};
    for (int step = 0; step < steps; ++step) trainer.step(loader.next());
  };
  auto whole = trainer_with(resumable), first = trainer_with(resumable), second = trainer_with(resumable);
  go_on(whole, 8);
  go_on(first, 5);  // in the middle of the second epoch
  save_checkpoint(folder / "run", first);
  load_checkpoint(folder / "run", second);
  go_on(second, 3);
  CHECK(differences(whole_state(second), whole_state(whole)) == "");
}

TEST_CASE("a run goes on elsewhere: saved on a GPU's stand-in, resumed on the Cpu") {
  const TemporaryFolder folder;
  auto there = trainer_with<float, StandIn>(resumable, ReplayPool{20});
  auto here = trainer_with(resumable, ReplayPool{20});
  take_steps(there, 2);
  save_checkpoint(folder / "run", there);
  load_checkpoint(folder / "run", here);
  CHECK(differences(whole_state(here), whole_state(there)) == "");
}

TEST_CASE("the file: everything by its name, numbers as texts, and one's own") {
  const TemporaryFolder folder;
  auto trainer = trainer_with({.seed = 18446744073709551615ull}, R1{1, 2}, LeCam{});
  take_steps(trainer, 2);
  save_checkpoint(folder / "run", trainer, {{"data", "digits"}, {"nash.state.steps", "7"}});
  const auto file = load_safetensors<float>(folder / "run");
  std::string names;
  for (const auto& tensor : file.tensors) names += concat({tensor.name, " ", tensor.shape, "  "});
  CHECK(names.find("generator.2.running_mean 4  ") != std::string::npos);
  CHECK(names.find("discriminator.optimizer.1.slot ") != std::string::npos);
  CHECK(names.find("average") == std::string::npos);
  const auto text = [&](const std::string& name) { return file.metadata.at("nash.state." + name); };
  CHECK(file.metadata.at("nash.trainer") == "float");
  CHECK(text("seed") == "18446744073709551615");
  CHECK(text("steps") == "2");
  CHECK(text("methods") == "R1, LeCam");
  CHECK(text("methods.0.updates") == "2");
  CHECK(text("generator.optimizer.rule") == "nash::Adam");
  CHECK(std::stod(text("last_report.d_real")) > 0);
  CHECK(load_checkpoint(folder / "run", trainer).at("data") == "digits");
}

namespace {

/// What loading says; checks that the trainer stays as it was.
template <class Trainer>
std::string refused_resume(const std::filesystem::path& path, Trainer& trainer) {
  const auto before = whole_state(trainer);
  const std::string said = message_of<DataError>([&] { load_checkpoint(path, trainer); });
  CHECK(differences(whole_state(trainer), before) == "");
  const std::string where = path.string() + ": ";
  CHECK(said.starts_with(where));
  return said.substr(std::min(where.size(), said.size()));
}

}  // namespace

TEST_CASE("the checkpoint of another trainer is refused, and changes nothing") {
  const TemporaryFolder folder;
  const auto path = folder / "run";
  const std::string remedy = "\nLoad it into a trainer of the same methods, optimisers and networks.";
  auto r1 = trainer_with({.seed = 1}, R1{1, 2});
  take_steps(r1, 2);
  save_checkpoint(path, r1);

  auto r2 = trainer_with({.seed = 1}, R2{1, 2});
  CHECK(refused_resume(path, r2) ==
        "expected 'methods' to be R2, got R1." + remedy);
  auto none = trainer_with({.seed = 1});
  CHECK(refused_resume(path, none) == "expected 'methods' to be none, got R1." + remedy);
  auto averaging = trainer_with(resumable, R1{1, 2});
  CHECK(refused_resume(path, averaging) == "expected a tensor 'average.0.weight' of 64×6, got none of that name." + remedy);
  save_checkpoint(folder / "average", averaging);
  CHECK(refused_resume(folder / "average", r1).find(" tensors of GanTrainer, got also 'average.0.weight'." + remedy) != std::string::npos);
  auto sgd = trainer_with({.seed = 1}, R1{1, 2});
  sgd.set_optimizer(Player::discriminator, RmsProp{});
  CHECK(refused_resume(path, sgd) == "expected 'discriminator.optimizer.rule' to be nash::RmsProp, got nash::Adam." + remedy);
  auto precise = trainer_with<double>({.seed = 1}, R1{1, 2});
  CHECK(refused_resume(path, precise) == "expected the checkpoint of a trainer in double, got float.\nLoad it into a trainer of that type, which goes on exactly.");
  GanTrainer wide{small_generator(5), resumable_discriminator(), NonSaturating{}, {}, R1{1, 2}};
  CHECK(refused_resume(path, wide) == "expected 'generator.0.weight' of 80×6, got 64×6.\nLoad it into a trainer of the same methods, optimisers and networks and sizes.");

  save_network(folder / "network", r1.generator());
  CHECK(refused_resume(folder / "network", r1) == "expected the checkpoint of a trainer, as save_checkpoint writes it, got another file.\nRead networks by load_network.");
  auto g = small_generator();
  CHECK(message_of<DataError>([&] { load_network(path, g); }) ==
        path.string() + ": expected a Generator as save_network writes it, got the checkpoint of a trainer.\nLoad it into a trainer by load_checkpoint.");
  CHECK_FALSE(g.is_ready());
}

TEST_CASE("a probability beyond 0 to 1 in a checkpoint is refused, and changes nothing") {
  const TemporaryFolder folder;
  auto trainer = trainer_with({.seed = 1}, AdaptiveAugmentation{{.probability = 0.25}});
  take_steps(trainer, 2);
  save_checkpoint(folder / "good", trainer);
  const auto with = [&](const std::string& probability) {
    auto file = load_safetensors<float>(folder / "good");
    CHECK(file.metadata.at("nash.state.methods.0.probability") == "0.25");
    file.metadata["nash.state.methods.0.probability"] = probability;
    save_safetensors(folder / "bad", file.tensors, file.metadata);
    return folder / "bad";
  };
  for (const std::string wrong : {"1.0000001", "-0.1", "nan", "inf"})
    CHECK(refused_resume(with(wrong), trainer) == "expected a number from 0 to 1 as 'nash.state.methods.0.probability', got '" + wrong +
                                               "'.\nThe file is damaged or was written wrongly; write it again.");
  load_checkpoint(with("1"), trainer);
  CHECK(trainer.method<AdaptiveAugmentation>().probability() == 1);
}

TEST_CASE("a checkpoint that is cut short or mislabelled is refused, and changes nothing") {
  const TemporaryFolder folder;
  const auto good = folder / "good", bad = folder / "bad";
  auto trainer = trainer_with({.seed = 1}, LeCam{});
  take_steps(trainer, 2);
  save_checkpoint(good, trainer);
  const Bytes bytes = read_file(good, 1 << 20);
  for (std::size_t length = 0; length < bytes.size(); length += length < 16 ? 1 : 977) {
    write_file(bad, {bytes.data(), length});
    CAPTURE(length);
    CHECK(refused_resume(bad, trainer) != "");
  }
  const auto with = [&](const auto& change) {
    auto file = load_safetensors<float>(good);
    change(file);
    save_safetensors(bad, file.tensors, file.metadata);
    return refused_resume(bad, trainer);
  };
  const auto with_text = [&](const std::string& name, const std::string& text) { return with([&](auto& file) { file.metadata["nash.state." + name] = text; }); };
  const std::string damaged = ".\nThe file is damaged or was written wrongly; write it again.";
  CHECK(with_text("steps", "-1") == "expected a whole number from 0 to 2^53 as 'nash.state.steps', got '-1'" + damaged);
  CHECK(with_text("steps", "2.5") == "expected a whole number from 0 to 2^53 as 'nash.state.steps', got '2.5'" + damaged);
  CHECK(with_text("steps", "9223372036854775807") == "expected a whole number from 0 to 2^53 as 'nash.state.steps', got '9223372036854775807'" + damaged);
  CHECK(with_text("steps", "99999999999999999999") == "expected a whole number from 0 to 2^53 as 'nash.state.steps', got '99999999999999999999'" + damaged);
  CHECK(with_text("methods.0.real.average", "") == "expected a number as 'nash.state.methods.0.real.average', got ''" + damaged);
  CHECK(with_text("methods.0.real.average", "1 no") == "expected a number as 'nash.state.methods.0.real.average', got 'no'" + damaged);
  CHECK(with_text("methods.0.real.average", "1 2") == "expected one number as 'nash.state.methods.0.real.average', got '1 2'" + damaged);
  CHECK(with_text("last_report.d_real", "no") == "expected a number as 'nash.state.last_report.d_real', got 'no'" + damaged);
  CHECK(with_text("methods.1.updates", "3").find(" numbers and texts of GanTrainer, got also 'nash.state.methods.1.updates'.") != std::string::npos);
  CHECK(with([](auto& file) { file.metadata.erase("nash.state.methods.0.updates"); })
            .starts_with("expected a number or text 'nash.state.methods.0.updates', got none of that name."));
  CHECK(with([](auto& file) { file.tensors.back().name = "else"; }).starts_with("expected a tensor 'discriminator.optimizer.1.slot' of "));
  CHECK(with([](auto& file) { file.metadata["nash.trainer"] = "half"; }).starts_with("expected the checkpoint of a trainer in float, got half."));
  CHECK(refused_resume(folder / "nothing", trainer).find("cannot be opened: No such file or directory") != std::string::npos);
}

TEST_CASE("where a checkpoint cannot be written, the one before it stays") {
  const TemporaryFolder folder;
  auto trainer = trainer_with({.seed = 1});
  save_checkpoint(folder / "run", trainer);
  CHECK(message_of<DataError>([&] { save_checkpoint(folder / "run" / "below", trainer); }).find("cannot create its folder") != std::string::npos);
  CHECK(load_checkpoint(folder / "run", trainer).at("format") == "nash");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}
