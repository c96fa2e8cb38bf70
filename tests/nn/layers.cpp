// SPDX-License-Identifier: Apache-2.0
#include "nash/nn/layers.hpp"

#include <set>

#include "nn/specimens.hpp"

using namespace nash;

TEST_CASE("every layer is built again from its description, and makes the same of the same") {
  const auto registry = LayerRegistry<double>::standard();
  for (const Specimen& specimen : specimens<double, Cpu>()) {
    CAPTURE(specimen.description.type());
    AnyLayer<double> layer = registry.build(specimen.description), again = registry.build(layer.describe());
    CHECK(layer.describe() == specimen.description);
    layer = initialised(layer), again = initialised(again);
    for (const Mode mode : {Mode::train, Mode::infer})
      CHECK(difference(output_of(layer, random_tensor(specimen.input), mode), output_of(again, random_tensor(specimen.input), mode)) == 0);
    CHECK(output_of(layer, random_tensor(specimen.input)).shape() == layer.output_shape(specimen.input));
  }
}

TEST_CASE("there is a specimen of every layer that the registry knows") {
  std::set<std::string> types;
  for (const Specimen& specimen : specimens<float, Cpu>()) types.insert(specimen.description.type());
  std::string all;
  for (const std::string& type : types) all += (all.empty() ? "" : ", ") + type;
  CHECK(message_of<ShapeError>([] { LayerRegistry<>::standard().build(LayerDescription("Conv3d")); }) ==
        "LayerRegistry: expected one of the layers " + all + ", got 'Conv3d'.\nCorrect the type or add the layer.");
}

TEST_CASE("every layer refuses options that it does not have") {
  const auto registry = LayerRegistry<>::standard();
  for (const Specimen& specimen : specimens<float, Cpu>()) {
    LayerDescription description = specimen.description;
    description.set("wdith", 3);
    CAPTURE(description.type());
    const std::string message = message_of<ShapeError>([&] { registry.build(description); });
    CHECK(message.find(description.type() + ": expected one of the options ") == 0);
    CHECK(message.find("got 'wdith'.\nCorrect the layer's description.") != std::string::npos);
  }
  CHECK(message_of<ShapeError>([&] { registry.build(LayerDescription("Dense").set("in", 3).set("out", 2).set("stride", 1)); }) ==
        "Dense: expected one of the options in, out, bias, init, got 'stride'.\nCorrect the layer's description.");
  CHECK(message_of<ShapeError>([&] { registry.build(LayerDescription("ReLU").set(Init::zeros())); }).find("ReLU: expected one of the options (none), got 'init'.") == 0);
}

TEST_CASE("descriptions that are wrong are refused with what is wrong") {
  const auto registry = LayerRegistry<>::standard();
  const auto message = [&](const LayerDescription& description) { return message_of<ShapeError>([&] { registry.build(description); }); };
  const std::string unknown = message(LayerDescription("Conv3d"));
  CHECK(unknown.find("LayerRegistry: expected one of the layers AvgPool2d, BatchNorm, ConditionalAffine, ConditionalBatchNorm, ") == 0);
  CHECK(unknown.find("got 'Conv3d'.\nCorrect the type or add the layer.") != std::string::npos);
  CHECK(message(LayerDescription("Dense").set("in", 3)) != "");
  CHECK(message(LayerDescription("Dense").set("in", 3.5).set("out", 2)) ==
        "Dense: expected a whole number for 'in', got 3.5.\nCorrect the layer's description.");
  CHECK(message(LayerDescription("Dense").set("in", 1e300).set("out", 2)).find("a whole number for 'in'") != std::string::npos);
  CHECK(message(LayerDescription("Dense").set("in", std::nan("")).set("out", 2)).find("a whole number for 'in'") != std::string::npos);
  CHECK(message(LayerDescription("Dense").set("in", 3).set("out", 2).set("init", 17)).find("an initialiser from 0 to 5, got 17") != std::string::npos);
  CHECK(message(LayerDescription("Sequential")) == "AnySequential: expected at least one layer, got none.\nAdd a layer to the description.");
  CHECK(message(LayerDescription("Residual")) == "Residual: expected 1 to 2 layers within it, got 0.\nCorrect the description.");
  CHECK(message(LayerDescription("SpectralNorm")).find("SpectralNorm: expected 1 layer within it, got 0.") == 0);
  CHECK(message(LayerDescription("SpectralNorm").add(LayerDescription("ReLU"))) ==
        "SpectralNorm: expected one of the weighted layers ConditionalConcat, Conv2d, ConvTranspose2d, Dense, Embedding, Maxout, MinibatchDiscrimination, ProjectionHead within it, "
        "got ReLU.\nPut it around a weighted layer.");
  CHECK(message(LayerDescription("Reshape").set("height", 0).set("width", 1).set("channels", 1)).find("Reshape: expected a height") == 0);
}

TEST_CASE("a network is built from a Sequential alone, and nothing within a layer is passed over") {
  const auto registry = LayerRegistry<>::standard();
  const auto dense = Dense{4, 4}.describe();
  const auto network = [&](const LayerDescription& description) { return message_of<ShapeError>([&] { registry.build_network(description); }); };
  CHECK(network(Residual{Dense{4, 4}}.describe()) ==
        "LayerRegistry: expected a description of a Sequential, got 'Residual'.\nPut the layers into a Sequential, or build a single one by build().");
  CHECK(network(dense).find("got 'Dense'.") != std::string::npos);
  CHECK(network(LayerDescription("Sequential").set("skip", 1).add(dense)).starts_with("Sequential: expected one of the options (none), got 'skip'."));
  CHECK(network(LayerDescription("Sequential").add(dense)) == "");

  const auto layer = [&](const LayerDescription& description) { return message_of<ShapeError>([&] { registry.build(description); }); };
  const LayerDescription relu("ReLU");
  CHECK(layer(Dense{4, 4}.describe().add(relu)) == "Dense: expected 0 layers within it, got 1.\nCorrect the description.");
  CHECK(layer(LayerDescription(relu).add(relu).add(relu)).starts_with("ReLU: expected 0 layers within it, got 2."));
  CHECK(layer(LayerDescription("SpectralNorm").add(Dense{4, 4}.describe().add(relu))).starts_with("Dense: expected 0 layers within it, got 1."));

  const auto iterations = [&](double number) { return layer(LayerDescription("SpectralNorm").set("power_iterations", number).add(dense)); };
  CHECK(iterations(4294967297.0) ==  // 1 more than 2^32
        "SpectralNorm: expected a number of power iterations of at most 2147483647, got 4294967297.\nCheck the layer's arguments.");
  CHECK(iterations(0).starts_with("SpectralNorm: expected a number of power iterations of at least 1, got 0."));
  CHECK(iterations(2) == "");
}

TEST_CASE("a layer of one's own is added to a copy of the registry") {
  auto registry = LayerRegistry<>::standard();
  registry.add<LeakyReLU>("MyReLU");
  registry.add<Maxout>("Mine");
  CHECK(registry.build(LayerDescription("SpectralNorm").add(LayerDescription("Mine").set("in", 2).set("out", 3))).describe().type() == "SpectralNorm");
  registry.add("Mine", [](const LayerDescription&, const LayerRegistry<>&) -> AnyLayer<> { return Tanh{}; });
  CHECK(message_of<ShapeError>([&] { registry.build(LayerDescription("SpectralNorm").add(LayerDescription("Mine"))); }).find("got Mine.") != std::string::npos);
  registry.add("Twice", [](const LayerDescription& d, const LayerRegistry<>& all) -> AnyLayer<> {
    return AnySequential<>({all.build(d.children().at(0)), all.build(d.children().at(0))});
  });
  const auto layer = registry.build(LayerDescription("Twice").add(LayerDescription("MyReLU").set("slope", 0.5)));
  CHECK(output_of(layer, tensor<float>({1, 2}, {-4, 4})).to_host() == std::vector<float>{-1, 4});
}

TEST_CASE("a network with every layer means the same in any scalar type, on any device, static or not") {
  const auto net = prepared(every_layer());
  for (const Mode mode : {Mode::train, Mode::infer}) {
    const LayerOutcome here = outcome(net, mode);
    check_same(outcome(net.to<float, Reference>(), mode), here, 2e-5);
    check_same(outcome(net.to<double>(), mode), here, 1e-4);
    check_same(outcome(net.to<double>(), mode), outcome(net.to<double, Reference>(), mode), 1e-12);
    check_same(outcome(to_any<float, Cpu>(net), mode), here, 0);
    check_same(outcome(to_any<double, Reference>(net), mode), outcome(net.to<double>(), mode), 1e-12);
    check_same(outcome(to_any<float, Cpu>(to_any<float, Cpu>(net)), mode), here, 0);
  }
  static_assert(std::is_same_v<decltype(net.to<float>()), std::remove_const_t<decltype(net)>>);
  CHECK(net.describe() == net.to<double, Reference>().describe());
}

TEST_CASE("a network with every layer has the derivatives that its layers say") {
  check_derivatives(prepared(every_layer()).to<double>(), {3, 8, 8, 1}, {.elements = 12});
}

TEST_CASE("a network built at run time is initialised like the static one") {
  const auto net = initialised(every_layer(), 4);
  auto any = initialised(LayerRegistry<>::standard().build_network(every_layer().describe()), 4);
  std::vector<std::string> names, any_names;
  std::vector<std::vector<float>> values, any_values;
  decltype(net)::visit_state(net, [&](const StateName& name, const auto& state) { names.push_back(name.text()), values.push_back(state.value().to_host()); });
  AnySequential<>::visit_state(any, [&](const StateName& name, const auto& state) { any_names.push_back(name.text()), any_values.push_back(state.value().to_host()); });
  CHECK(names == any_names);
  CHECK((values == any_values));
}
