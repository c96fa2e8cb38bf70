// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/nn/layer.hpp"
#include "nash/train/state_reader.hpp"
#include "nash/train/state_writer.hpp"

namespace nash {

/// Writes a network's parameters and buffers to a safetensors file, each under its dotted name ("3.weight",
/// "1.running_mean"), in nash's layouts, with texts of your own besides those of nash. Throws DataError if the file cannot be
/// written; then it is as before.
template <class Network>
NASH_COLD void save_network(const std::filesystem::path& path, const Network& network, const Metadata& metadata = {}) {
  StateWriter<typename Network::Scalar> writer;
  Network::visit_state(network, [&](const StateName& name, const auto& state) { writer(name, state.value()); });
  writer.save(path, "network", network.role(), metadata);
}

/// Reads what save_network wrote, or any file with the same names and shapes, into a network of the same structure.
/// Throws DataError for a file that does not fit, before any parameter is changed. Returns the file's texts.
template <class Network>
NASH_COLD Metadata load_network(const std::filesystem::path& path, Network& network) {
  StateReader<typename Network::Scalar> reader(path, network.role(), "network of the same layers");
  if (reader.metadata().contains("nash.trainer"))
    throw DataError(path.string(), concat({"a ", network.role(), " as save_network writes it"}), "the checkpoint of a trainer",
                    "load it into a trainer by load_checkpoint");
  const auto visit = [&](const StateName& name, auto& state) { reader(name, state.value()); };
  Network::visit_state(network, visit);
  reader.begin_assigning();
  Network::visit_state(network, visit);
  Context<typename Network::Device> context(1);
  network.mark_loaded(context);
  return reader.metadata();
}

/// Writes all that a trainer goes on from to one safetensors file: both networks and the generator's average, the optimisers, what
/// methods carry from step to step, the seed, and how many steps were made; with texts of your own, but for names that begin with "nash.", which are left out. Throws DataError if the file
/// cannot be written; then it is as before.
///
///     GanTrainer trainer{…};
///     if (std::filesystem::exists("run.safetensors")) load_checkpoint("run.safetensors", trainer);
///     Loader loader{dataset, {.seed = 42, .first_batch = trainer.steps()}};
///     while (trainer.steps() < 10000) {
///       trainer.step(loader.next());
///       if (trainer.steps() % 1000 == 0) save_checkpoint("run.safetensors", trainer);
///     }
///
/// is the same run to the last bit, however often it is stopped in between.
template <class Trainer>
NASH_COLD void save_checkpoint(const std::filesystem::path& path, const Trainer& trainer, const Metadata& metadata = {}) {
  StateWriter<typename Trainer::Scalar> writer;
  Trainer::visit_state(trainer, writer);
  writer.save(path, "trainer", scalar_name<typename Trainer::Scalar>(), metadata);
}

/// Goes on from what save_checkpoint wrote, in a trainer with the same networks, optimisers, methods and scalar type; on another device
/// too. The random numbers go on as well: the seed is that of the file. Options, rates, schedules and the loss are the trainer's own.
/// Throws DataError for a file that does not fit, before anything is changed. Returns the file's texts.
template <class Trainer>
NASH_COLD Metadata load_checkpoint(const std::filesystem::path& path, Trainer& trainer) {
  using T = typename Trainer::Scalar;
  StateReader<T> reader(path, "GanTrainer", "trainer of the same methods, optimisers and networks");
  const auto kind = reader.metadata().find("nash.trainer");
  if (kind == reader.metadata().end())
    throw DataError(path.string(), "the checkpoint of a trainer, as save_checkpoint writes it", "another file", "read networks by load_network");
  if (kind->second != scalar_name<T>())
    throw DataError(path.string(), concat({"the checkpoint of a trainer in ", scalar_name<T>()}), detail::printable(kind->second),
                    "load it into a trainer of that type, which goes on exactly");
  Trainer::visit_state(trainer, reader);
  reader.begin_assigning();
  Trainer::visit_state(trainer, reader);
  trainer.mark_loaded();
  return reader.metadata();
}

}  // namespace nash
