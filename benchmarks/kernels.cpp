// SPDX-License-Identifier: Apache-2.0
//
// Times nash's kernels, and those of other libraries beside them, on the layers of real networks and on matrix products, and the maps and
// sums between these, alone. Each kernel is compared with the naive loops of the device Reference, and each peer with nash, before it is
// timed.
//
//   kernels                                everything, a few minutes
//   kernels 'dcgan64:d2*' --threads 1      one layer in its three directions; --list-tests lists all
//   kernels --torch venv/bin/python        with PyTorch beside the libraries that this was built with
//   kernels '[gemm]' --json gemm.json      one kind: [gemm], [conv2d], [map], [forward], [backward_data] or [backward_weights]
//
// Catch2 chooses the cases and checks; it does not take the time, since its BENCHMARK would run one library after the other.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <charconv>
#include <iostream>

#include "../tests/cases/conv2d.hpp"
#include "cases/gemm.hpp"
#include "support/instruction_set.hpp"
#include "support/map_problem.hpp"
#include "support/record.hpp"

namespace benchmark {
namespace {

struct Options {
  int threads = nash::default_threads();
  int rounds = 7;
  int batch = 64;
  int milliseconds = 10;
  nash::InstructionSet set = nash::detect_instruction_set();
  std::string json, python;
};

/// Everything that cases share; made when the first one runs, so that listing them measures nothing.
struct Run {
  explicit Run(const Options& options)
      : context(options.threads), peak(options.set, options.threads), contest(options.rounds, options.milliseconds, peak),
        record({options.threads, options.set, steady_peak(peak), measure_bandwidth(options.threads), make_peers(options.threads, options.python)}) {
    context.limit_instruction_set(options.set);
  }

  static double steady_peak(const FmaPeak& peak) {
    std::vector<double> rates;
    for (int i = 0; i < 9; ++i) rates.push_back(peak.measure(10));
    return median(rates);
  }

  nash::Context<> context;
  FmaPeak peak;
  Contest contest;
  Record record;
};

/// Hands the run to the cases that Catch2 calls.
class Cases {
 public:
  explicit Cases(const Options& options) : options_(options) {}

  void add_all() {
    for (const ConvCase& c : conv_cases)
      for (const Direction direction : directions) {
        // Small odd cases are for tests; they are here to be tried, not to be timed.
        add(c.name, "conv2d", name_of(direction), c.timed, [this, &c, direction] {
          nash::Conv2dGeometry geometry = c.geometry;
          if (c.timed) geometry.n = options_.batch;
          measure(ConvProblem(geometry, direction, run().context), c.name, "conv2d", name_of(direction), &Peer::convolutions);
        });
      }
    for (const nash::index_t size : square_sizes) {
      const std::string name = nash::concat({"square:", size});
      add(name, "gemm", "product", true, [this, size, name] {
        measure(GemmProblem({.m = size, .n = size, .k = size}, run().context), name, "gemm", "product", &Peer::products);
      });
    }
    for (const DenseCase& c : dense_cases)
      for (const Direction direction : directions)
        add(c.name, "gemm", name_of(direction), true, [this, &c, direction] {
          measure(GemmProblem(c.geometry(direction, options_.batch), run().context), c.name, "gemm", name_of(direction), &Peer::products);
        });
    for (const MapSize& size : map_sizes)
      for_each_map([&](const auto& kernel) {
        add(size.name, "map", kernel.name, true, [this, &size, kernel] {
          MapProblem problem(kernel, options_.batch * size.pixels, size.columns, run().context);
          REQUIRE(problem.error() < tolerated_error);
          run().record.add(size.name, "map", kernel.name, 0, problem.bytes(), run().contest.run({problem.nash()}, 0));
        });
      });
  }

  const std::optional<Run>& finished() const { return run_; }

 private:
  class Invoker : public Catch::ITestInvoker {
   public:
    explicit Invoker(std::function<void()> body) : body_(std::move(body)) {}
    void invoke() const override { body_(); }

   private:
    std::function<void()> body_;
  };

  static void add(const std::string& name, const std::string& kind, const std::string& direction, bool timed, std::function<void()> body) {
    const std::string tags = nash::concat({"[", kind, "][", direction, "]", timed ? "" : "[.small]"});
    Catch::getMutableRegistryHub().registerTest(Catch::makeTestCase(new Invoker(std::move(body)), "", Catch::NameAndTags(name + " " + direction, tags),
                                                                    CATCH_INTERNAL_LINEINFO));
  }

  Run& run() {
    if (!run_) run_.emplace(options_);
    return *run_;
  }

  template <class Problem, class Contenders>
  void measure(Problem problem, const std::string& name, const char* kind, const char* direction, Contenders contenders_of) {
    REQUIRE(problem.error() < tolerated_error);
    std::vector<Contender> contenders{problem.nash()};
    const std::vector<float> expected = contenders[0].result();
    for (const Peer& peer : run().record.machine().peers)
      for (Contender& contender : (peer.*contenders_of)(problem)) {
        INFO(contender.name);
        REQUIRE(largest_error<float>(contender.result(), expected) < tolerated_error);
        contenders.push_back(std::move(contender));
      }
    run().record.add(name, kind, direction, problem.operations(), problem.bytes(), run().contest.run(contenders, problem.operations()));
  }

  const Options& options_;
  std::optional<Run> run_;
};

using Parsed = Catch::clara::ParserResult;

/// Sets a number within bounds; Clara itself would take "2x" for 2.
auto whole_number(const char* option, int& value, int most) {
  return [=, &value](const std::string& text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 1 || number > most)
      return Parsed::runtimeError(nash::concat({option, ": expected a whole number from 1 to ", most, ", got '", text, "'"}));
    value = number;
    return Parsed::ok(Catch::clara::ParseResultType::Matched);
  };
}

auto instruction_set(nash::InstructionSet& value) {
  return [&value](const std::string& text) {
    try {
      value = benchmark::instruction_set_of(text);
      return Parsed::ok(Catch::clara::ParseResultType::Matched);
    } catch (const nash::ShapeError& error) {
      return Parsed::runtimeError(error.what());
    }
  };
}

/// Whether every filter chooses something; else says which does not. Catch2 alone would say so and succeed.
bool filters_match(Catch::Session& session) {
  const Catch::Config& config = session.config();
  const Catch::TestSpec& spec = config.testSpec();
  bool all = true;
  for (const auto& match : spec.matchesByFilter(Catch::getAllTestCasesSorted(config), config))
    if (match.tests.empty()) {
      std::cerr << "There is no case '" << match.name << "'. See --list-tests; a name's three directions are 'dcgan28:d2*'.\n";
      all = false;
    }
  for (const std::string& invalid : spec.getInvalidArgs()) {
    std::cerr << "'" << invalid << "' is no filter for cases. See --list-tests.\n";
    all = false;
  }
  return all;
}

int main(int argc, char** argv) {
  Options options;
  Cases cases(options);
  cases.add_all();
  Catch::Session session;
  using Catch::clara::Opt;
  session.cli(session.cli() |
              Opt(whole_number("--threads", options.threads, 1024), "number")["--threads"]("threads of all libraries (default: all cores)") |
              Opt(whole_number("--batch", options.batch, 4096), "number")["--batch"]("images or rows (default: 64)") |
              Opt(whole_number("--rounds", options.rounds, 10000), "number")["--rounds"]("rounds in which all take turns (default: 7)") |
              Opt(whole_number("--milliseconds", options.milliseconds, 60000), "number")["--milliseconds"]("a turn takes at least (default: 10)") |
              Opt(instruction_set(options.set), "name")["--instruction-set"]("of nash: baseline, avx2, avx512 or amx (default: the widest)") |
              Opt(options.python, "program")["--torch"]("a Python that has PyTorch, which then is a peer (default: none)") |
              Opt(options.json, "file")["--json"]("write the figures there"));
  if (session.applyCommandLine(argc, argv) != 0) return 2;
  if (!filters_match(session)) return 2;

  // Before the minutes of measuring rather than after them.
  std::ofstream json;
  if (!options.json.empty()) {
    json.open(options.json);
    if (!json) {
      std::cerr << "--json: '" << options.json << "' cannot be written\n";
      return 2;
    }
  }
#if defined(_OPENMP)
  omp_set_num_threads(options.threads);  // for peers: nash's context says so itself
#endif
  const int code = session.run();
  if (json.is_open() && cases.finished() && cases.finished()->record.has_results()) json << cases.finished()->record.json() << std::flush;
  if (json.is_open() && !json) {
    std::cerr << "--json: writing '" << options.json << "' failed\n";
    return 2;
  }
  return code == 0 ? 0 : 1;
}

}  // namespace
}  // namespace benchmark

int main(int argc, char** argv) { return benchmark::main(argc, argv); }
