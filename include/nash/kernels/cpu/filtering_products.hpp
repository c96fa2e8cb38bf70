// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/filtering_layout.hpp"
#include "nash/kernels/cpu/matrix_operands.hpp"
#include "nash/kernels/cpu/thread_memory.hpp"

namespace nash::cpu {

/// The products of minimal filtering: one at each position of the mapped tiles, of values that all lie packed or in rows.
template <class T>
class FilteringProducts {
 public:
  using Group = FilteringGroup<T>;
  using Chunk = FilteringChunk<T>;

  explicit FilteringProducts(Context<Cpu>& context) : context_(context), kernels_(tile_kernels<T>(context.instruction_set())) {}

  /// f(first column, width) for the panels of so many columns, whole vectors each.
  template <class Function>
  void for_panels(index_t columns, const Function& f) const {
    for (index_t column = 0, width; column < columns; column += width) {
      width = panel_width(column, columns);
      f(column, width);
    }
  }

  /// At every position: product := mapped · packed, [tiles × k_count] · [k_count × columns].
  void multiply(const Group& group, const Chunk& chunk, const T* mapped, index_t k_count, const T* packed, index_t columns, T* product) const {
    const index_t blocks = (chunk.count * group.down.count() * group.across.count() + row_block - 1) / row_block;
#pragma omp parallel for schedule(dynamic) num_threads(chunk.threads) if(chunk.threads > 1)
    for (index_t task = 0; task < group.positions() * blocks; ++task) {
      const int position = static_cast<int>(task / blocks);
      const index_t rows = chunk.count * group.tiles_at(position), begin = task % blocks * row_block, end = std::min(rows, begin + row_block);
      if (begin >= end) continue;  // positions that small tiles lack have fewer rows
      const T* const left = mapped + group.place(position, k_count);
      const T* const right = packed + group.filters_at + position * k_count * columns;
      T* const out = product + group.place(position, columns);
      for (index_t k = 0; k < k_count; k += max_slice) {
        const index_t count = std::min(max_slice, k_count - k);
        for_panels(columns, [&](index_t column, index_t width) {  // a panel of filters serves all rows, which fetch the next one
          const T* const panel = right + column * k_count + k * width;
          const bool last = column + width == columns;
          const index_t next_column = last ? 0 : column + width, next_k = last ? k + count : k, next_width = panel_width(next_column, columns);
          const T* const next = right + next_column * k_count + next_k * next_width;
          const index_t ahead_step = (next_width * kernels_.rows + end - begin - 1) / (end - begin);
          for (index_t m = begin; m < end; m += kernels_.rows) {
            Segment<T> segment{.begin = 0, .count = count, .rows = {}};
            for (int i = 0; i < kernels_.rows; ++i) segment.rows[i] = left + std::min(m + i, end - 1) * k_count + k;
            const T* const ahead = next + (m - begin) / kernels_.rows * ahead_step * count;
            multiply_panel(segment, 1, panel, width, out + m * columns + column, end - m, columns, k > 0, ahead, ahead_step,
                           k > 0 ? kernels_.rows * columns : 0);
          }
        });
      }
    }
  }

  /// At every position: filters (+)= resultsᵀ · inputs, [O × tiles] · [tiles × depth].
  void multiply_transposed(const Group& group, const Chunk& chunk, index_t filter_count, T* filters, bool accumulate) const {
    const index_t columns = group.depth, blocks = (columns + column_block - 1) / column_block, positions = group.positions();
    const index_t parts = std::clamp<index_t>(context_.threads() > 1 ? wanted_tasks / (positions * blocks) : 1, 1, std::max<index_t>(1, filter_count / least_filters));
    const index_t part_size = ((filter_count + kernels_.rows - 1) / kernels_.rows + parts - 1) / parts * kernels_.rows;
    const ThreadMemory<T> memory(context_, max_slice * (column_block + LeftOperand<T>::panels_at_once * max_tile_rows));
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads())
    for (index_t task = 0; task < positions * blocks * parts; ++task) {
      const int position = static_cast<int>(task / (blocks * parts));
      const index_t rows = chunk.count * group.tiles_at(position), first = task / parts % blocks * column_block, last = std::min(columns, first + column_block);
      const index_t first_filter = task % parts * part_size, last_filter = std::min(filter_count, first_filter + part_size);
      T* const packed = memory.own();
      T* const gathered = packed + max_slice * column_block;
      const MatrixColumns<T> right(chunk.inputs + group.place(position, columns), columns);
      const TransposedRows<T> left(chunk.results + group.place(position, filter_count), filter_count);
      T* const out = filters + group.filters_at + position * filter_count * columns + first;
      for (index_t k = 0; k < rows; k += max_slice) {
        const Slice slice{k, std::min(rows, k + max_slice)};
        for_panels(last - first, [&](index_t column, index_t width) { right.pack(slice, first + column, width, packed + column * slice.count()); });
        T* buffer = gathered;
        for (index_t m = first_filter; m < last_filter; m += kernels_.rows, buffer += kernels_.rows * slice.count()) {
          constexpr index_t at_once = LeftOperand<T>::panels_at_once;
          if ((m - first_filter) % (at_once * kernels_.rows) == 0)
            left.prepare(m, std::min(last_filter, m + at_once * kernels_.rows), kernels_.rows, slice, buffer = gathered);
          Segment<T> segment;
          SegmentList<T> list{&segment};
          left.panel(m, std::min(last_filter, m + kernels_.rows), kernels_.rows, slice, list, buffer);
          for_panels(last - first, [&](index_t column, index_t width) {
            multiply_panel(segment, left.stride(kernels_.rows), packed + column * slice.count(), width, out + m * columns + column, last_filter - m, columns,
                           accumulate || k > 0);
          });
        }
      }
    }
  }

 private:
  static constexpr index_t row_block = 128;
  static constexpr index_t column_block = 384;
  static constexpr index_t wanted_tasks = 8, least_filters = 32;  // of the weights' gradients: what packing images costs for each task

  /// The width of the panel at a column, of so many columns.
  index_t panel_width(index_t column, index_t columns) const { return kernels_.next_width((columns - column) / kernels_.lanes) * kernels_.lanes; }

  /// One tile of a product, whose rows in C are a step apart; only `rows` of them are there.
  void multiply_panel(const Segment<T>& segment, index_t stride, const T* b, index_t width, T* c, index_t rows, index_t c_step, bool accumulate,
                      const T* ahead = nullptr, index_t ahead_step = 0, index_t results_ahead = -1) const {
    alignas(64) T unused[TileKernels<T>::max_columns] = {};
    T* c_rows[max_tile_rows];
    for (int i = 0; i < kernels_.rows; ++i) c_rows[i] = i < rows ? c + i * c_step : unused;
    kernels_.multiply[width / kernels_.lanes - 1]({&segment, 1, stride, b, width, c_rows, nullptr, accumulate, ahead, ahead_step, results_ahead});
  }

  Context<Cpu>& context_;
  TileKernels<T> kernels_;
};

}  // namespace nash::cpu
