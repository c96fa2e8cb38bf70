// SPDX-License-Identifier: Apache-2.0
#include "stand_in.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "message_of.hpp"

using namespace nash;

namespace {

/// Whether a process that does this is killed by a signal.
template <class Function>
bool dies(const Function& f) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    f();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

/// Writes where it is told to, in or out of bounds.
struct Scribble {
  float* to;
  NASH_HOST_DEVICE void operator()(index_t) const { *to = 1; }
};

/// x[thread] := the value that the next thread leaves: right only if threads ran first to last
struct CountsOnOrder {
  static constexpr int threads = 4;
  using Shared = NothingShared;
  float* x;
  int phases() const { return 1; }
  void run(int, index_t, int thread, Shared&) const { x[thread] = thread == 0 ? 1 : x[thread - 1] + 1; }
};

}  // namespace

TEST_CASE("the host cannot touch the stand-in's memory, before a launch or after it") {
  Context<StandIn> context;
  Tensor<float, StandIn> x = Tensor<float, StandIn>::filled(Shape{8}, 3);
  volatile float* const address = x.data();
  CHECK(dies([&] { *address = 1; }));
  CHECK(dies([&] { (void)*address; }));
  pointwise(context, x.count(), Fill<float>{x.data(), 4});
  context.synchronise();
  CHECK(dies([&] { (void)*address; }));
  CHECK_FALSE(dies([] {}));
  CHECK(x.to_host() == std::vector<float>(8, 4));
}

TEST_CASE("the stand-in cannot touch the host's memory: heap, stack or globals") {
  static float global = 0;
  Context<StandIn> context;
  Tensor<float, StandIn> x = Tensor<float, StandIn>::zeros(Shape{8});
  Tensor<float> host = Tensor<float>::zeros(Shape{8});
  float local = 0;
  for (float* const address : {host.data(), &local, &global}) {
    if (stand_in::sees_host_addresses)
      CHECK(message_of<DeviceError>([&] { pointwise(context, 8, Copy<float>{address, x.data()}); }).find("a kernel was given an address of the host's memory") !=
            std::string::npos);
    CHECK(message_of<DeviceError>([&] { GemmKernels<StandIn>::multiply(context, {.m = 1, .n = 1, .k = 1}, x.data(), address, x.data()); })
              .find("an operand that is not in the GPU's memory") != std::string::npos);
    CHECK(message_of<DeviceError>([&] { context.gpu().stream().enqueue(Transfer{Transfer::Kind::to_gpu, x.data(), address, 4}); })
              .find("from memory that it may not read") != std::string::npos);
  }
}

TEST_CASE("what is queued happens when the host waits, and what it is to overwrite reads as NaN until then") {
  Context<StandIn> context;
  Tensor<float, StandIn> x = Tensor<float, StandIn>::filled(Shape{1}, 3);
  auto* const pinned = static_cast<float*>(Driver<StandIn>::allocate_pinned(4));
  *pinned = 7;
  context.add(Transfer{Transfer::Kind::to_host, pinned, x.data(), 4});
  CHECK(std::isnan(*pinned));
  context.synchronise();
  CHECK(*pinned == 3);
  *pinned = 5;  // a source that is changed before it was waited for
  context.add(Transfer{Transfer::Kind::to_gpu, x.data(), pinned, 4});
  *pinned = 6;
  CHECK(x.to_host() == std::vector<float>{6});
  Driver<StandIn>::deallocate_pinned(pinned);
}

TEST_CASE("fresh memory is NaN, also where it was used before") {
  const auto all_nan = [](const Tensor<float, StandIn>& x) {
    const auto values = x.to_host();
    return std::all_of(values.begin(), values.end(), [](float value) { return std::isnan(value); });
  };
  CHECK(all_nan(Tensor<float, StandIn>(Shape{100})));
  { const auto used = Tensor<float, StandIn>::filled(Shape{100}, 3); }
  CHECK(all_nan(Tensor<float, StandIn>(Shape{100})));
}

TEST_CASE("writing behind a block is seen, and so is counting on an order of threads") {
  Context<StandIn> context;
  Tensor<float, StandIn> x(Shape{128});
  pointwise(context, 1, Scribble{x.data() + 128});
  CHECK(message_of<DeviceError>([&] { context.synchronise(); }).find("written behind a block") != std::string::npos);
  struct Mend {  // the wall, for the tests after this one
    std::byte* to;
    void operator()(index_t i) const { to[i] = std::byte{stand_in::wall_byte}; }
  };
  pointwise(context, 4, Mend{reinterpret_cast<std::byte*>(x.data() + 128)});
  context.synchronise();

  launch(context, 1, CountsOnOrder{x.data()});
  CHECK(x.to_host()[3] != 4);
}

TEST_CASE("products are rounded to TF32 unless they are to be exact") {
  const float third = 1.0f / 3, value = 1 + 0x1p-12f;
  CHECK(stand_in::tf32(value) == 1);
  CHECK(stand_in::tf32(third) != third);
  CHECK(std::abs(stand_in::tf32(third) / third - 1) < 0x1p-11);
  Context<StandIn> context;
  const Tensor<float, StandIn> a(Shape{1, 1}, std::vector<float>{value}), one = Tensor<float, StandIn>::filled(Shape{1, 1}, 1);
  Tensor<float, StandIn> c(Shape{1, 1});
  for (const bool exact : {false, true}) {
    context.set_exact_products(exact);
    GemmKernels<StandIn>::multiply(context, {.m = 1, .n = 1, .k = 1}, a.data(), one.data(), c.data());
    CHECK(c.to_host()[0] == (exact ? value : 1));
  }
}
