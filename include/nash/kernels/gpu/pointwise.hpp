// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/gpu/divisor.hpp"
#include "nash/kernels/gpu/launch.hpp"
#include "nash/kernels/pointwise.hpp"

namespace nash {
namespace gpu {

/// How elements are given to threads: neighbours to neighbours, so that the accesses of a warp are one, and several to each
/// thread, so that several loads are under way.
struct ElementsOfThread {
  static constexpr int threads = 256, per_thread = 4;
  static constexpr index_t per_block = threads * per_thread;

  static index_t blocks(index_t count) { return ceiling_of_quotient(count, per_block); }

  template <class Function>
  NASH_HOST_DEVICE static void visit(index_t count, index_t block, int thread, const Function& f) {
    const index_t first = block * per_block + thread;
    if (first + (per_thread - 1) * threads < count) {  // all of them, without a question in between
      for (int j = 0; j < per_thread; ++j) f(first + j * threads);
    } else {
      for (index_t i = first; i < count; i += threads) f(i);
    }
  }
};

/// f(i) for every i, unless there is a condition and it is 0
template <class Function>
struct Map {
  static constexpr int threads = ElementsOfThread::threads;
  using Shared = NothingShared;
  Function f;
  index_t count;
  const double* condition;

  NASH_HOST_DEVICE int phases() const { return 1; }
  NASH_HOST_DEVICE void run(int, index_t block, int thread, Shared&) const {
    if (condition == nullptr || *condition != 0) ElementsOfThread::visit(count, block, thread, f);
  }
};

/// f(i, i mod columns) for every i, unless there is a condition and it is 0
template <class Function>
struct MapRows {
  static constexpr int threads = ElementsOfThread::threads;
  using Shared = NothingShared;

  /// Of a piece of the elements that begins with a row.
  struct Element {
    const Function& f;
    index_t first;
    Divisor columns;
    NASH_HOST_DEVICE void operator()(index_t i) const {
      std::uint32_t row = static_cast<std::uint32_t>(i);
      const std::uint32_t column = columns.split(row);
      f(first + i, static_cast<index_t>(column));
    }
  };

  Function f;
  index_t first, count;
  Divisor columns;
  const double* condition;

  NASH_HOST_DEVICE int phases() const { return 1; }
  NASH_HOST_DEVICE void run(int, index_t block, int thread, Shared&) const {
    if (condition == nullptr || *condition != 0) ElementsOfThread::visit(count, block, thread, Element{f, first, columns});
  }
};

/// PointwiseKernels of a GPU.
template <class Device>
struct PointwiseKernels {
  template <class Function>
  static void for_each(Context<Device>& context, index_t count, const Function& f) {
    launch(context, ElementsOfThread::blocks(count), Map<Function>{f, count, context.condition()}, true);
  }

  template <class Function>
  static void for_each_in_rows(Context<Device>& context, index_t rows, index_t columns, const Function& f) {
    if (rows == 0 || columns == 0) return;
    const index_t piece = std::max<index_t>(1, Divisor::most / columns) * columns;  // of whole rows
    for (index_t first = 0; first < rows * columns; first += piece) {
      const index_t count = std::min(piece, rows * columns - first);
      launch(context, ElementsOfThread::blocks(count), MapRows<Function>{f, first, count, Divisor(columns), context.condition()}, true);
    }
  }
};

}  // namespace gpu
}  // namespace nash
