// SPDX-License-Identifier: Apache-2.0
#include "nash/train/checkpoint.hpp"

#include "temporary_folder.hpp"
#include "train/players.hpp"

using namespace nash;

namespace {

auto spectral_discriminator() {
  return Discriminator{Sequential{SpectralNorm{Conv2d{1, 4, {.kernel = 4, .stride = 2, .padding = 1}}}, BatchNorm{4}, LeakyReLU{0.2},
                                  SpectralNorm{Dense{64, 1}}}};
}

/// Players after some steps, so that nothing is as it began.
auto trained() {
  GanTrainer trainer{small_generator(), spectral_discriminator(), NonSaturating{}, {.seed = 3}};
  for (int step = 0; step < 3; ++step) trainer.step(random_images({4, 8, 8, 1}));
  return std::pair{trainer.generator(), trainer.discriminator()};
}

std::vector<std::uint8_t> bytes_of(const std::filesystem::path& path) { return read_file(path, 1 << 20); }

/// What loading says; checks that the network stays as it was.
template <class Network>
std::string refusal(const std::filesystem::path& path, const Network& original) {
  Network network = original;
  const auto before = state_values(network);
  const bool ready = network.is_ready();
  const std::string said = message_of<DataError>([&] { load_network(path, network); });
  CHECK(same_bits(state_values(network), before));
  CHECK(network.is_ready() == ready);
  return said;
}

/// The same file with its tensors changed.
template <class Change>
void rewrite(const std::filesystem::path& from, const std::filesystem::path& to, const Change& change) {
  auto file = load_safetensors<float>(from);
  change(file.tensors);
  save_safetensors(to, file.tensors, file.metadata);
}

}  // namespace

TEST_CASE("each weight that is normalised has its vectors in the file") {
  const TemporaryFolder folder;
  const auto projection = [] { return Discriminator{Sequential{SpectralNorm{Maxout<double>{6, 4, {.pieces = 2}}}, SpectralNorm{ProjectionHead<double>{4, 3}}}}; };
  auto d = projection(), loaded = projection();
  d.initialise(1), loaded.initialise(77);
  save_network(folder / "d.safetensors", d);
  load_network(folder / "d.safetensors", loaded);
  CHECK(same_bits(state_values(loaded), state_values(d)));
  const auto file = load_safetensors<double>(folder / "d.safetensors");
  for (const char* name : {"1.weight", "1.u", "1.v", "1.embedding", "1.embedding.u", "1.embedding.v"})
    CHECK_MESSAGE(std::any_of(file.tensors.begin(), file.tensors.end(), [&](const auto& entry) { return entry.name == name; }), name);

  Context<Cpu> context(1);
  const Labels<> labels(std::vector<std::int32_t>{0, 1, 2, 1});
  const auto x = random_images<double>({4, 6});
  const Pass<Cpu> pass{.context = context, .labels = labels.view()};
  Tensor<double> logits, loaded_logits;
  d.forward(pass, x, logits, nullptr);
  loaded.forward(pass, x, loaded_logits, nullptr);
  CHECK(same_bits(loaded_logits.to_host(), logits.to_host()));
}

TEST_CASE("a network that was saved and loaded computes the same bits, in inference and in training") {
  const TemporaryFolder folder;
  const auto [g, d] = trained();
  save_network(folder / "g.safetensors", g);
  save_network(folder / "d.safetensors", d);

  auto loaded_g = small_generator();
  auto loaded_d = spectral_discriminator();
  loaded_d.initialise(77);
  CHECK_FALSE(loaded_g.is_ready());
  load_network(folder / "g.safetensors", loaded_g);
  load_network(folder / "d.safetensors", loaded_d);
  CHECK(loaded_g.is_ready());
  CHECK(same_bits(state_values(loaded_g), state_values(g)));
  CHECK(same_bits(state_values(loaded_d), state_values(d)));

  Context<Cpu> context(1);
  const auto z = random_images({3, 6});
  for (const Mode mode : {Mode::infer, Mode::train}) {
    Tensor<float> images, loaded_images, logits, loaded_logits;
    g.forward({context, mode}, z, images, nullptr);
    loaded_g.forward({context, mode}, z, loaded_images, nullptr);
    CHECK(same_bits(loaded_images.to_host(), images.to_host()));
    d.forward({context, mode}, images, logits, nullptr);
    loaded_d.forward({context, mode}, images, loaded_logits, nullptr);
    CHECK(same_bits(loaded_logits.to_host(), logits.to_host()));
  }
  // And goes on training as the original does.
  const auto go_on = [](auto generator, auto discriminator) {
    GanTrainer trainer{std::move(generator), std::move(discriminator), NonSaturating{}, {.seed = 5}};
    trainer.step(random_images({4, 8, 8, 1}));
    return state_values(trainer.discriminator());
  };
  CHECK(same_bits(go_on(loaded_g, loaded_d), go_on(g, d)));
}

TEST_CASE("double is kept whole, and float can be loaded into double") {
  const TemporaryFolder folder;
  auto g = small_generator<double>();
  g.initialise(4);
  save_network(folder / "double", g);
  auto loaded = small_generator<double>();
  load_network(folder / "double", loaded);
  CHECK(same_bits(state_values(loaded), state_values(g)));
  auto single = small_generator();
  load_network(folder / "double", single);
  save_network(folder / "float", single);
  load_network(folder / "float", loaded);
  for (std::size_t i = 0; i < state_values(g).size(); ++i) REQUIRE(state_values(loaded)[i] == static_cast<double>(static_cast<float>(state_values(g)[i])));
}

TEST_CASE("the file: dotted names, nash's shapes, and what wrote it") {
  const TemporaryFolder folder;
  const auto [g, d] = trained();
  save_network(folder / "d.safetensors", d);
  const auto file = load_safetensors<float>(folder / "d.safetensors");
  std::string content;
  for (const auto& tensor : file.tensors) content += concat({tensor.name, " ", tensor.shape, "  "});
  CHECK(content ==
        "0.weight 4×4×4×1  0.bias 4  0.u 4  0.v 16  1.weight 4  1.bias 4  1.running_mean 4  1.running_var 4  3.weight 1×64  3.bias 1  3.u 1  3.v 64  ");
  CHECK(file.metadata == Metadata{{"format", "nash"}, {"nash.network", "Discriminator"}, {"nash.version", concat({NASH_VERSION_MAJOR, ".", NASH_VERSION_MINOR, ".", NASH_VERSION_PATCH})}});
}

TEST_CASE("texts of one's own go into the file and come back") {
  const TemporaryFolder folder;
  auto g = small_generator();
  g.initialise(4);
  save_network(folder / "g", g, {{"data", "digits"}, {"format", "mine"}});
  const Metadata metadata = load_network(folder / "g", g);
  CHECK(metadata.at("data") == "digits");
  CHECK(metadata.at("format") == "nash");
  CHECK(metadata.size() == 4);
}

TEST_CASE("files that do not fit are refused, and change nothing") {
  const TemporaryFolder folder;
  const auto [g, d] = trained();
  const auto good = folder / "good", bad = folder / "bad";
  save_network(good, d);

  rewrite(good, bad, [](auto& tensors) { tensors.erase(tensors.begin() + 3); });
  CHECK(refusal(bad, d) == concat({bad.string(), ": expected a tensor '0.v' of 16, got none of that name.\nLoad it into a network of the same layers."}));
  rewrite(good, bad, [](auto& tensors) { tensors.back().shape = {1, 64}; });
  CHECK(refusal(bad, d) == concat({bad.string(), ": expected '3.v' of 64, got 1×64.\nLoad it into a network of the same layers and sizes."}));
  rewrite(good, bad, [](auto& tensors) { tensors.push_back({"4.weight", {1}, {0.f}}); });
  CHECK(refusal(bad, d) == concat({bad.string(), ": expected the 12 tensors of Discriminator, got also '4.weight'.\nLoad it into a network of the same layers."}));
  rewrite(good, bad, [](auto& tensors) { tensors.back().name = "3.w"; });
  CHECK(refusal(bad, d).find("expected a tensor '3.v' of 64, got none of that name.") != std::string::npos);
  rewrite(good, bad, [](auto& tensors) { tensors.clear(); });
  CHECK(refusal(bad, d).find("expected a tensor '0.weight' of 4×4×4×1, got none") != std::string::npos);

  // Another network, or the same of another size.
  CHECK(refusal(good, g).find("expected '0.weight' of 64×6, got 4×4×4×1.") != std::string::npos);
  CHECK(refusal(good, small_discriminator()).find("expected a tensor '2.weight' of 6×3×3×4, got none of that name.") != std::string::npos);
  save_network(bad, g);
  CHECK(refusal(bad, small_generator(5)).find("expected '0.weight' of 80×6, got 64×6.") != std::string::npos);
}

TEST_CASE("files that are cut short or none of safetensors are refused, and change nothing") {
  const TemporaryFolder folder;
  const auto [g, d] = trained();
  const auto good = folder / "good", bad = folder / "bad";
  save_network(good, g);
  const auto bytes = bytes_of(good);
  // Every length around the header, and some among the values.
  for (std::size_t length = 0; length < bytes.size(); length += length < 16 ? 1 : 97) {
    write_file(bad, {bytes.data(), length});
    CAPTURE(length);
    CHECK(refusal(bad, g).starts_with(bad.string() + ": "));
  }
  auto longer = bytes;
  longer.push_back(0);
  write_file(bad, longer);
  CHECK(refusal(bad, g) != "");
  const std::string text = "This is no safetensors file, but it has some length.";
  write_file(bad, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  CHECK(refusal(bad, g).find("is cut short or no safetensors file") != std::string::npos);
  CHECK(refusal(folder / "nothing", g).find("cannot be opened: No such file or directory") != std::string::npos);
  CHECK(refusal(folder.path(), g).find("expected a file, got a folder") != std::string::npos);
}

TEST_CASE("saving where nothing can be written") {
  const TemporaryFolder folder;
  const auto [g, d] = trained();
  save_network(folder / "file", g);
  const auto before = bytes_of(folder / "file");
  CHECK(message_of<DataError>([&, &network = d] { save_network(folder / "file" / "below", network); }).find("cannot create its folder") != std::string::npos);
  CHECK(message_of<DataError>([&, &network = d] { save_network(folder.path(), network); }) != "");
  CHECK(message_of<DataError>([&, &network = d] { save_network("/dev/null/d.safetensors", network); }).starts_with("/dev/null/d.safetensors: "));
  CHECK(bytes_of(folder / "file") == before);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}
