// SPDX-License-Identifier: Apache-2.0
#include "nash/tensor/context.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"

using namespace nash;

TEST_CASE("a context has the threads that it is given, or as many as there are") {
  CHECK(Context<Cpu>(3).threads() == 3);
  CHECK(Context<Cpu>(0).threads() == default_threads());
  for (const int threads : {-1, 1025, 200000})
    CHECK(message_of<ShapeError>([&] { Context<Cpu>{threads}; }) ==
          concat({"Context: expected 0 threads, for all cores, or 1 to 1024, got ", threads, ".\nLeave the number out."}));
  CHECK(Context<Cpu>().threads() >= 1);
}

TEST_CASE("the instruction set can be lowered, and not raised beyond the processor's") {
  Context<Cpu> context(1);
  CHECK(context.instruction_set() == detect_instruction_set());
  context.limit_instruction_set(InstructionSet::baseline);
  CHECK(context.instruction_set() == InstructionSet::baseline);
  context.limit_instruction_set(InstructionSet::amx);
  CHECK(context.instruction_set() == detect_instruction_set());
}

TEST_CASE("scratch of several types is taken and given back in order") {
  Context<Cpu> context(1);
  { const auto warm = context.scratch<double>(1000); }
  const auto a = context.scratch<float>(10);
  const double* reused = nullptr;
  {
    const auto b = context.scratch<double>(10);
    reused = b.data();
    CHECK(static_cast<const void*>(b.data()) != a.data());
  }
  CHECK(context.scratch<double>(5).data() == reused);
  static_assert(!std::is_copy_constructible_v<Context<Cpu>> && std::is_move_constructible_v<Context<Cpu>>);
}
