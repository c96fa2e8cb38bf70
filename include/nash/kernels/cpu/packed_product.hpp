// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "nash/kernels/cpu/epilogue.hpp"
#include "nash/kernels/cpu/packed_filters.hpp"
#include "nash/kernels/cpu/product_cut.hpp"
#include "nash/kernels/cpu/split_panel.hpp"
#include "nash/kernels/cpu/thread_memory.hpp"

namespace nash::cpu {

/// C (+)= A·B + bias, and then the epilogue, for any operands that can be read as above: the core of every product on the Cpu device.
///
/// A task of the ProductCut goes through its slices of k: for each it packs B, or has it packed, and multiplies panels of A with it, in vectors by
/// the micro-kernels or on tile registers.
template <class T>
class PackedProduct {
 public:
  PackedProduct(Context<Cpu>& context, index_t m, index_t n, index_t k, const LeftOperand<T>& left, const RightOperand<T>& right,
                const ProductOutput<T>& output, const T* bias, bool accumulate, const Epilogue<T>& epilogue = {})
      : context_(context), cut_(context.instruction_set(), m, n, k, left.is_matrix()), left_(left), right_(right), output_(output), bias_(bias), accumulate_(accumulate),
        epilogue_(epilogue) {}

  NASH_COLD void run() {
    PackedProduct* const self = this;
    run_together(context_, {&self, 1});
  }

  static constexpr std::size_t most_together = 4;

  /// Several products, at most most_together, as one loop over the tasks of all: small ones, of which each has work for few threads.
  NASH_NOINLINE static void run_together(Context<Cpu>& context, std::span<PackedProduct* const> products) {
    std::optional<PackedFilters<T>> packed[most_together];
    index_t pack_tasks = 0, tasks = 0, per_thread = 0, slice_size = 0, partial_size = 0;
    for (std::size_t i = 0; i < products.size(); ++i) {
      PackedProduct& product = *products[i];
      if (product.cut_.k == 0) product.fill_with_bias();
      pack_tasks += product.pack_once(packed[i]);
      tasks += product.cut_.tasks();
      slice_size = std::max(slice_size, product.cut_.slice_size());
      per_thread = std::max(per_thread, product.thread_memory());
      product.partial_at_ = partial_size;
      partial_size += product.cut_.splits > 1 ? product.cut_.splits * product.cut_.m * product.cut_.n : 0;
    }
    const index_t threads = context.threads();
    const auto partial = context.template scratch<T>(partial_size);
    const ThreadMemory<T> memory(context, per_thread);
    const ThreadMemory<Segment<T>> segments(context, slice_size);
#pragma omp parallel num_threads(threads) if (tasks > 1)
    {
      if (pack_tasks > 0) {
#pragma omp for schedule(static)
        for (index_t task = 0; task < pack_tasks; ++task) {
          index_t of_product = task;
          PackedProduct* const* product = products.data();
          for (; of_product >= (*product)->pack_tasks_; ++product) of_product -= (*product)->pack_tasks_;
          (*product)->pack_shared(of_product);
        }
      }
#pragma omp for schedule(dynamic)
      for (index_t task = 0; task < tasks; ++task) {
        index_t of_product = task;
        PackedProduct* const* product = products.data();
        for (; of_product >= (*product)->cut_.tasks(); ++product) of_product -= (*product)->cut_.tasks();
        (*product)->run_task(of_product, memory.own(), segments.own(), partial.data() + (*product)->partial_at_);
      }
    }
    for (auto& filters : packed)
      if (filters) filters->set_packed();
    for (PackedProduct* product : products)
      if (product->cut_.splits > 1) product->add_partial_results(partial.data() + product->partial_at_);
  }

 private:
  static constexpr index_t pack_depth = 32;       // values of k that are packed at a time for all of a block's columns
  static constexpr index_t max_shared = 1 << 21;  // values of B that are packed once for all tasks
  static constexpr index_t short_slice = 128;     // is multiplied in no more time than its results take to come
  static constexpr index_t shortest_slice = 64;   // and shorter ones in less, so that results are asked for a panel before
  static constexpr index_t few_panels = 6;        // so few read B once each, and packing would cost more than it brings

  struct Work {
    index_t n_block, m_block, split;
    T* packed;
    T* buffer;
    Segment<T>* segments;
    T* partial;
  };

  /// Of a thread: the block of B that a task packs for itself, the tiles of a panel of A, and panels that are gathered.
  index_t own_packed_size() const { return shared_ != nullptr ? 0 : cut_.packed_size(cut_.slice_size()) * cut_.n_block; }
  index_t thread_memory() const {
    return round_up(own_packed_size() + cut_.panel_size() + cut_.slice_size() * cut_.kernels.rows * LeftOperand<T>::panels_at_once, 16);
  }

  /// Where all of B is to be packed once for all tasks, finds the place; returns how many tasks it is to pack it.
  index_t pack_once(std::optional<PackedFilters<T>>& packed) {
    FilterStore::Form form{static_cast<index_t>(FilterForm::panels), cut_.n_block};
    const T* const source = right_.source(form);
    const index_t size = cut_.packed_size();
    if (size == 0 || cut_.k * cut_.n_blocks * cut_.n_block > max_shared || (cut_.m_blocks == 1 && context_.filter_store(source) == nullptr)) return 0;
    shared_ = packed.emplace(context_, source, form, size).data();
    return pack_tasks_ = packed->are_packed() ? 0 : cut_.n_blocks * cut_.slices;
  }
  void pack_shared(index_t task) const {
    const Slice slice = cut_.slice(task / cut_.n_blocks);
    pack(slice, task % cut_.n_blocks * cut_.n_block, shared_ + cut_.packed_at(slice, task % cut_.n_blocks));
  }

  void run_task(index_t task, T* own, Segment<T>* segments, T* partial) const {
    run_task({task % cut_.n_blocks, task / cut_.n_blocks % cut_.m_blocks, task / (cut_.n_blocks * cut_.m_blocks), own, own + own_packed_size(), segments, partial});
  }

  void run_task(const Work& work) const {
    const index_t n_begin = work.n_block * cut_.n_block, n_end = std::min(cut_.n, n_begin + cut_.n_block);
    const index_t m_begin = work.m_block * cut_.m_block, m_end = std::min(cut_.m, m_begin + cut_.m_block);
    const index_t first = work.split * cut_.slices / cut_.splits, last = (work.split + 1) * cut_.slices / cut_.splits;
    const index_t group = left_.group();
    SplitPanel tiles(as_tiles(work.buffer));
    std::optional<split::TileRegisters> registers;
    if (cut_.on_tile_registers) registers.emplace();
    for (index_t index = first; index < last; ++index) {
      const Slice slice = cut_.slice(index);
      const T* const packed = packed_block(work, slice, m_end - m_begin);
      index_t tiles_begin = m_begin;
      for (index_t m = m_begin, end; m < m_end; m = end) {
        T* buffer = work.buffer + cut_.panel_size();
        if (group == 0) {
          const index_t at_once = LeftOperand<T>::panels_at_once, panel = (m - m_begin) / cut_.kernels.rows % at_once;
          if (panel == 0) left_.prepare(m, std::min(m_end, m + at_once * cut_.kernels.rows), cut_.kernels.rows, slice, buffer);
          buffer += panel * cut_.kernels.rows * slice.count();
        }
        end = std::min(m_end, m + cut_.kernels.rows);
        if (group > 0) end = std::min(end, (m / group + 1) * group);
        SegmentList<T> list{work.segments};
        left_.panel(m, end, cut_.kernels.rows, slice, list, buffer);
        if (!cut_.on_tile_registers) {
          multiply_panel(work, slice, list, packed, m, end, n_begin, n_end, index == first, index + 1 == last);
          continue;
        }
        if constexpr (std::is_same_v<T, float>) tiles.add(list.segments[0], left_.stride(cut_.kernels.rows), static_cast<int>(end - m));
        if (!tiles.is_full() && end < m_end) continue;
        multiply_panel(work, slice, tiles, packed, tiles_begin, end, n_begin, n_end, index == first, index + 1 == last);
        tiles.clear();
        tiles_begin = end;
      }
    }
  }

  /// The task's block of B for a slice, packed; or null where its few readers can as well read B where it is.
  const T* packed_block(const Work& work, Slice slice, index_t rows) const {
    if (shared_ != nullptr) return shared_ + cut_.packed_at(slice, work.n_block);
    index_t step = 0;
    if (!cut_.on_tile_registers && rows <= few_panels * cut_.kernels.rows && cut_.n % cut_.kernels.lanes == 0 && right_.in_place(0, 0, step) != nullptr) return nullptr;
    pack(slice, work.n_block * cut_.n_block, work.packed);
    return work.packed;
  }

  void pack(Slice slice, index_t n_begin, T* packed) const {
    const index_t n_end = std::min(cut_.n, n_begin + cut_.n_block);
    for (index_t k = slice.begin; k < slice.end; k += pack_depth) {
      const Slice part{k, std::min(slice.end, k + pack_depth)};
      T* to = packed;
      for (index_t n = n_begin; n < n_end;) {
        const index_t width = cut_.next_width(n, n_end) * cut_.kernels.lanes;
        if (cut_.on_tile_registers)
          pack_tiles(part, n, width, to + cut_.packed_size(k - slice.begin) * width);
        else
          right_.pack(part, n, width, to + (k - slice.begin) * width);
        to += cut_.packed_size(slice.count()) * width;
        n += width;
      }
    }
  }

  void pack_tiles(Slice part, index_t n, index_t width, T* to) const {
    if constexpr (std::is_same_v<T, float>) split_right_operand(right_, part, n, width, n + width <= cut_.n, as_tiles(to));
  }

  void multiply_panel(const Work& work, Slice slice, const SegmentList<T>& list, const T* packed, index_t m, index_t m_end,
                      index_t n_begin, index_t n_end, bool first, bool last) const {
    if (m_end - m == cut_.kernels.rows && (n_end - n_begin) % cut_.kernels.lanes == 0)
      multiply_panel<false>(work, slice, list, packed, m, m_end, n_begin, n_end, first, last);
    else
      multiply_panel<true>(work, slice, list, packed, m, m_end, n_begin, n_end, first, last);
  }

  /// `has_edge`: C has only a part of some tiles.
  template <bool has_edge>
  void multiply_panel(const Work& work, Slice slice, const SegmentList<T>& list, const T* packed, index_t m, index_t m_end,
                      index_t n_begin, index_t n_end, bool first, bool last) const {
    constexpr index_t max_columns = TileKernels<T>::max_columns;
    alignas(64) T edge[has_edge ? max_tile_rows * max_columns : 1] = {};  // all of a tile where C has only a part of it
    alignas(64) T edge_bias[has_edge ? max_columns : 1] = {};
    T* c_rows[max_tile_rows];
    T* tile_rows[max_tile_rows];
    const index_t rows = m_end - m, a_step = left_.stride(cut_.kernels.rows), depth = slice.count();
    const bool split = cut_.splits > 1;
    rows_of_c(work, m, rows, c_rows);
    const bool accumulate = !first || (accumulate_ && !split);
    const index_t next_panel = rows > 1 ? cut_.kernels.rows * (c_rows[1] - c_rows[0]) : 0;
    const index_t results_ahead = depth > short_slice ? -1 : accumulate || depth < shortest_slice ? next_panel : 0;
    for (index_t n = n_begin; n < n_end;) {
      const int vectors = cut_.next_width(n, n_end);
      const index_t width = vectors * cut_.kernels.lanes, columns = std::min(width, n_end - n);
      const T* bias = first && !split && bias_ != nullptr ? bias_ + n : nullptr;
      const bool whole = !has_edge || columns == width;
      if constexpr (has_edge) {
        if (!whole && bias != nullptr) {
          std::copy_n(bias, columns, edge_bias);
          bias = edge_bias;
        }
        for (index_t i = 0; i < cut_.kernels.rows; ++i) {
          tile_rows[i] = whole && i < rows ? c_rows[i] + n : edge + i * max_columns;
          if (!whole && i < rows && accumulate) std::copy_n(c_rows[i] + n, columns, tile_rows[i]);
        }
      } else {
        for (int i = 0; i < cut_.kernels.rows; ++i) tile_rows[i] = c_rows[i] + n;
      }
      index_t b_step = width;
      const T* const b = packed != nullptr ? packed : right_.in_place(slice.begin, n, b_step);
      cut_.kernels.multiply[vectors - 1]({list.segments, list.count, a_step, b, b_step, tile_rows, bias, accumulate, nullptr, 0, results_ahead});
      if (!whole)
        for (index_t i = 0; i < rows; ++i) std::copy_n(tile_rows[i], columns, c_rows[i] + n);
      if (packed != nullptr) packed += depth * width;
      n += width;
    }
    if (last && !split)
      for (index_t i = 0; i < rows; ++i) epilogue_.apply(c_rows[i] + n_begin, n_end - n_begin);
  }

  /// The same of tile registers.
  void multiply_panel(const Work& work, Slice slice, const SplitPanel& panel, const T* packed, index_t m, index_t m_end, index_t n_begin, index_t n_end,
                      bool first, bool last) const {
    T* c_rows[split::panel_rows];
    const index_t rows = m_end - m;
    rows_of_c(work, m, rows, c_rows);
    const bool accumulate = !first || (accumulate_ && cut_.splits == 1);
    for (index_t n = n_begin, width; n < n_end; n += width) {
      width = cut_.next_width(n, n_end) * cut_.kernels.lanes;
      const T* const bias = first && cut_.splits == 1 && bias_ != nullptr ? bias_ + n : nullptr;
      if constexpr (std::is_same_v<T, float>) panel.multiply(as_tiles(packed), width, std::min(width, n_end - n), c_rows, n, bias, accumulate);
      packed += cut_.packed_size(slice.count()) * width;
    }
    if (last && cut_.splits == 1)
      for (index_t i = 0; i < rows; ++i) epilogue_.apply(c_rows[i] + n_begin, n_end - n_begin);
  }

  /// Where the rows of C are, or a split's of its partial results.
  void rows_of_c(const Work& work, index_t m, index_t count, T** c_rows) const {
    if (cut_.splits == 1) return output_.rows(m, count, c_rows);
    for (index_t i = 0; i < count; ++i) c_rows[i] = work.partial + (work.split * cut_.m + m + i) * cut_.n;
  }

  static split::Bfloat16* as_tiles(const T* memory) { return static_cast<split::Bfloat16*>(static_cast<void*>(const_cast<T*>(memory))); }

  void fill_with_bias() {
    for (index_t m = 0; m < cut_.m; ++m) {
      T* row;
      output_.rows(m, 1, &row);
      if (!accumulate_)
        for (index_t n = 0; n < cut_.n; ++n) row[n] = bias_ != nullptr ? bias_[n] : T{0};
      epilogue_.apply(row, cut_.n);
    }
  }

  void add_partial_results(const T* partial) {
#pragma omp parallel for schedule(static) num_threads(context_.threads()) if (cut_.m * cut_.n > 4096)
    for (index_t m = 0; m < cut_.m; ++m) {
      T* row;
      output_.rows(m, 1, &row);
      for (index_t n = 0; n < cut_.n; ++n) {
        T total = accumulate_ ? row[n] : bias_ != nullptr ? bias_[n] : T{0};
        for (index_t split = 0; split < cut_.splits; ++split) total += partial[(split * cut_.m + m) * cut_.n + n];
        row[n] = total;
      }
      epilogue_.apply(row, cut_.n);
    }
  }

  Context<Cpu>& context_;
  ProductCut<T> cut_;
  const LeftOperand<T>& left_;
  const RightOperand<T>& right_;
  const ProductOutput<T>& output_;
  const T* bias_;
  bool accumulate_;
  Epilogue<T> epilogue_;
  T* shared_ = nullptr;  // all of B, or null where each task packs what it needs
  index_t pack_tasks_ = 0, partial_at_ = 0;
};

}  // namespace nash::cpu
