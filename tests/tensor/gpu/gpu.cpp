// SPDX-License-Identifier: Apache-2.0
#include "nash/tensor/gpu/gpu.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "message_of.hpp"
#include "stand_in.hpp"

using namespace nash;

namespace {

using Numbers = Tensor<float, StandIn>;

/// The second stand-in, chosen for as long as this lives, with nothing kept in its pool.
struct OtherGpu {
  OtherGpu() { gpu.trim(); }
  ~OtherGpu() {
    gpu.trim();
    memory.capacity = capacity;
    Gpu<StandIn>::select(0);
  }
  Gpu<StandIn>& gpu = Gpu<StandIn>::select(1);
  stand_in::AddressSpace& memory = stand_in::machine().memory[1];
  std::size_t capacity = memory.capacity;
};

}  // namespace

TEST_CASE("memory that was given back is handed out again, to whom it fits") {
  const OtherGpu other;
  const auto& pool = other.gpu.pool();
  const index_t before = pool.driver_allocations();
  float* first = nullptr;
  {
    const Numbers x(Shape{1000});
    first = const_cast<float*>(x.data());
    CHECK(pool.used_bytes() == 4096);
  }
  CHECK(pool.used_bytes() == 0);
  CHECK(pool.kept_bytes() == 4096);
  {
    const Numbers smaller(Shape{600});  // more than half of it
    CHECK(smaller.data() == first);
    const Numbers another(Shape{600});
    CHECK(another.data() != first);
  }
  { const Numbers tiny(Shape{1}); }  // not a block many times its size
  CHECK(pool.driver_allocations() == before + 3);
  for (int i = 0; i < 10; ++i) Numbers x(Shape{1000});
  CHECK(pool.driver_allocations() == before + 3);
}

TEST_CASE("what the pool keeps goes back to the driver before memory runs out, and then the message says what is left") {
  OtherGpu other;
  other.memory.capacity = std::size_t{1} << 20;
  { const Numbers most(Shape{(1 << 18) - 1024}); }
  const Numbers other_size(Shape{100000});  // fits only where the first block was
  CHECK(other.gpu.pool().kept_bytes() == 0);
  CHECK(message_of<DeviceError>([] { Numbers(Shape{1 << 19}); }) ==
        "StandIn: no 2097152 bytes are left on GPU 1, of which this program uses 400384.\nUse smaller sizes or batches, or another GPU.");
  CHECK(other.memory.in_use() == 400384);
  CHECK(other_size.to_host().size() == 100000);  // and all goes on
}

TEST_CASE("a GPU is chosen by its number, and tensors stay where they were made") {
  const Numbers on_first = Numbers::filled(Shape{4}, 1);
  {
    OtherGpu other;
    const Numbers on_second = Numbers::filled(Shape{4}, 2);
    CHECK(stand_in::machine().memory[0].within_a_block(on_first.data()));
    CHECK(stand_in::machine().memory[1].within_a_block(on_second.data()));
    Context<StandIn> context;
    CHECK(context.gpu().index() == 1);
    CHECK(on_second.to_host() == std::vector<float>(4, 2));
  }
  CHECK(Context<StandIn>().gpu().index() == 0);
  CHECK(on_first.to_host() == std::vector<float>(4, 1));
  for (const int absent : {-1, 2})
    CHECK(message_of<DeviceError>([&] { Gpu<StandIn>::select(absent); }) ==
          concat({"StandIn: expected a GPU from 0 to 1, got ", absent, ".\nChoose one of the machine's GPUs."}));
}

TEST_CASE("copies larger than the staging memory arrive whole, and the source may change at once") {
  const index_t count = (1 << 21) + 17;  // 8 MiB and a bit: three pieces
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 1.0f);
  Numbers x(Shape{count});
  x.assign_from_host(values);
  const std::vector<float> sent = std::exchange(values, {});
  CHECK((x.to_host() == sent));
  Numbers y = x;
  CHECK((y.to_host() == sent));
  CHECK(Numbers(Shape{0}).to_host().empty());
}
