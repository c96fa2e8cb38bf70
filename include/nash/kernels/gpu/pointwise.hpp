// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/gpu/divisor.hpp"
#include "nash/kernels/gpu/vectors.hpp"
#include "nash/kernels/pointwise.hpp"

namespace nash {
namespace gpu {

/// How elements, or vectors of them, are given to threads: neighbours to neighbours, so that the accesses of a warp are one, and several
/// to each thread, so that several loads are under way.
template <int count_per_thread>
struct ElementsOf {
  static constexpr int threads = 256, per_thread = count_per_thread;
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

using ElementsOfThread = ElementsOf<4>;
using VectorsOfThread = ElementsOf<2>;

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

/// Map by vectors of neighbours, for functors that name their operands; the last one may be cut short.
template <class Function>
struct MapVectors {
  static constexpr int threads = VectorsOfThread::threads, lanes = OperandsInRegisters<Function>::lanes;
  using Shared = NothingShared;

  struct AtLane {
    NASH_HOST_DEVICE void operator()(const Function& own, int j) const { own(j); }
  };
  struct OfVector {
    const Function& f;
    index_t count;
    NASH_HOST_DEVICE void operator()(index_t vector) const {
      const index_t first = vector * lanes;
      if (first + lanes <= count)
        OperandsInRegisters<Function>(first, 0).run(f, AtLane{});
      else
        for (index_t i = first; i < count; ++i) f(i);
    }
  };

  Function f;
  index_t count;
  const double* condition;

  static index_t blocks(index_t count) { return VectorsOfThread::blocks(ceiling_of_quotient(count, lanes)); }
  NASH_HOST_DEVICE int phases() const { return 1; }
  NASH_HOST_DEVICE void run(int, index_t block, int thread, Shared&) const {
    if (condition == nullptr || *condition != 0) VectorsOfThread::visit((count + lanes - 1) / lanes, block, thread, OfVector{f, count});
  }
};

/// MapRows by vectors: of rows of whole vectors.
template <class Function>
struct MapRowVectors {
  static constexpr int threads = VectorsOfThread::threads, lanes = OperandsInRegisters<Function>::lanes;
  using Shared = NothingShared;

  struct AtLane {
    NASH_HOST_DEVICE void operator()(const Function& own, int j) const { own(j, j); }
  };
  struct OfVector {
    const Function& f;
    index_t first;
    Divisor vectors;
    NASH_HOST_DEVICE void operator()(index_t vector) const {
      std::uint32_t row = static_cast<std::uint32_t>(vector);
      const index_t column = static_cast<index_t>(vectors.split(row)) * lanes;
      OperandsInRegisters<Function>(first + vector * lanes, column).run(f, AtLane{});
    }
  };

  Function f;
  index_t first, count;  // elements
  Divisor vectors;       // of a row
  const double* condition;

  static index_t blocks(index_t count) { return VectorsOfThread::blocks(count / lanes); }
  NASH_HOST_DEVICE int phases() const { return 1; }
  NASH_HOST_DEVICE void run(int, index_t block, int thread, Shared&) const {
    if (condition == nullptr || *condition != 0) VectorsOfThread::visit(count / lanes, block, thread, OfVector{f, first, vectors});
  }
};

/// PointwiseKernels of a GPU.
template <class Device>
struct PointwiseKernels {
  static constexpr bool adds_bias_apart = true;  // a library's product knows no function of a column

  template <class Function>
  static void for_each(Context<Device>& context, index_t count, const Function& f) {
    if constexpr (NamesOperands<Function>) {
      if (OperandsAligned::of(f)) return launch(context, MapVectors<Function>::blocks(count), MapVectors<Function>{f, count, context.condition()}, true);
    }
    launch(context, ElementsOfThread::blocks(count), Map<Function>{f, count, context.condition()}, true);
  }

  template <class Function>
  static void for_each_in_rows(Context<Device>& context, index_t rows, index_t columns, const Function& f) {
    if (rows == 0 || columns == 0) return;
    const index_t piece = std::max<index_t>(1, Divisor::most / columns) * columns;  // of whole rows
    for (index_t first = 0; first < rows * columns; first += piece) {
      const index_t count = std::min(piece, rows * columns - first);
      if constexpr (NamesOperands<Function>) {
        using Rows = MapRowVectors<Function>;
        if (columns % Rows::lanes == 0 && OperandsAligned::of(f)) {
          launch(context, Rows::blocks(count), Rows{f, first, count, Divisor(columns / Rows::lanes), context.condition()}, true);
          continue;
        }
      }
      launch(context, ElementsOfThread::blocks(count), MapRows<Function>{f, first, count, Divisor(columns), context.condition()}, true);
    }
  }
};

}  // namespace gpu
}  // namespace nash
