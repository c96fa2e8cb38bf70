// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <span>

#include "nash/kernels/cpu/epilogue.hpp"
#include "nash/kernels/cpu/packed_filters.hpp"
#include "nash/kernels/cpu/split_panel.hpp"

namespace nash::cpu {

/// C (+)= A·B + bias, and then the epilogue, for any operands that can be read as above: the core of every product on the Cpu device.
///
/// The work is cut into tasks of m_block × n_block results, and where that gives too few, into splits of k whose partial
/// results are added in order. The cut depends on the sizes alone, so that the bits do not depend on the threads.
template <class T>
class PackedProduct {
 public:
  PackedProduct(Context<Cpu>& context, index_t m, index_t n, index_t k, const LeftOperand<T>& left, const RightOperand<T>& right,
                const ProductOutput<T>& output, const T* bias, bool accumulate, const Epilogue<T>& epilogue = {})
      : context_(context), m_(m), n_(n), k_(k), left_(left), right_(right), output_(output), bias_(bias), accumulate_(accumulate), epilogue_(epilogue),
        kernels_(tile_kernels<T>(context.instruction_set())), by_tiles_(suits_tiles()), most_(by_tiles_ ? SplitPanel::most_blocks * split::block_depth : max_slice), slices_(divide_up(k, most_)) {
    choose_blocks();
  }

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
      if (product.k_ == 0) product.fill_with_bias();
      pack_tasks += product.pack_once(packed[i]);
      tasks += product.tasks();
      slice_size = std::max(slice_size, product.slice_size());
      per_thread = std::max(per_thread, product.thread_memory());
      product.partial_at_ = partial_size;
      partial_size += product.splits_ > 1 ? product.splits_ * product.m_ * product.n_ : 0;
    }
    const index_t threads = context.threads();
    const auto partial = context.template scratch<T>(partial_size);
    const auto memory = context.template scratch<T>(per_thread * threads);
    const auto segments = context.template scratch<Segment<T>>(slice_size * threads);
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
        for (; of_product >= (*product)->tasks(); ++product) of_product -= (*product)->tasks();
        T* const own = memory.data() + per_thread * this_thread();
        (*product)->run_task(of_product, own, segments.data() + slice_size * this_thread(), partial.data() + (*product)->partial_at_);
      }
    }
    for (auto& filters : packed)
      if (filters) filters->set_packed();
    for (PackedProduct* product : products)
      if (product->splits_ > 1) product->add_partial_results(partial.data() + product->partial_at_);
  }

 private:
  static constexpr index_t max_m_block = 768;     // rows of A are only passed by; each block of them packs B once
  static constexpr index_t max_n_block = 384, max_n_block_of_tiles = 256;
  static constexpr index_t wanted_tasks = 8;      // so many, that a handful of threads find work
  static constexpr index_t long_split = 8;        // slices of k, beside which adding the splits up costs nothing
  static constexpr index_t pack_depth = 32;       // values of k that are packed at a time for all of a block's columns
  static constexpr index_t max_shared = 1 << 21;  // values of B that are packed once for all tasks
  static constexpr index_t short_slice = 128;     // is multiplied in no more time than its results take to come
  static constexpr index_t shortest_slice = 64;   // and shorter ones in less, so that results are asked for a panel before
  static constexpr double least_filled = 0.6;     // of the tiles, below which vectors are no slower
  static constexpr index_t few_panels = 6;        // so few read B once each, and packing would cost more than it brings

  struct Work {
    index_t n_block, m_block, split;
    T* packed;
    T* buffer;
    Segment<T>* segments;
    T* partial;
  };

  /// One tile's columns: where B lies for them.
  struct Columns {
    const T* b;
    index_t step;
  };

  static index_t divide_up(index_t value, index_t by) { return (value + by - 1) / by; }
  static index_t round_up(index_t value, index_t step) { return divide_up(value, step) * step; }

  /// Whether there are tile registers, and they would be well filled.
  bool suits_tiles() const {
    if (!std::is_same_v<T, float> || context_.instruction_set() < InstructionSet::amx || std::min({m_, n_, k_}) == 0) return false;
    const auto filled = [](index_t size, index_t step) { return static_cast<double>(size) / static_cast<double>(round_up(size, step)); };
    return filled(m_, split::tile_edge) * filled(n_, split::tile_edge) * filled(k_, split::block_depth) >= least_filled && n_ >= split::tile_edge;
  }

  void choose_blocks() {
    if (m_ == 0 || n_ == 0) return;
    const index_t rows = by_tiles_ ? split::panel_rows : kernels_.rows, lanes = kernels_.lanes, wide = by_tiles_ ? split::panel_columns : lanes * kernels_.vectors;
    const index_t long_block = (by_tiles_ ? 4 : 96) * rows;
    m_block_ = round_up(divide_up(m_, divide_up(m_, max_m_block)), rows);
    const index_t most_columns = by_tiles_ ? max_n_block_of_tiles : max_n_block;
    n_block_ = round_up(divide_up(n_, divide_up(n_, most_columns)), lanes);  // of equal size
    splits_ = std::clamp<index_t>(slices_ / long_split, 1, wanted_tasks);
    while (divide_up(m_, m_block_) * divide_up(n_, n_block_) * splits_ < wanted_tasks) {
      if (m_block_ >= long_block)
        m_block_ = round_up(m_block_ / 2, rows);
      else if (n_block_ >= 2 * wide)
        n_block_ = round_up(n_block_ / 2, lanes);
      else if (m_block_ >= 8 * rows)
        m_block_ = round_up(m_block_ / 2, rows);
      else
        break;
    }
    m_blocks_ = divide_up(m_, m_block_);
    n_blocks_ = divide_up(n_, n_block_);
    const index_t tasks = m_blocks_ * n_blocks_ * splits_;
    if (tasks < wanted_tasks) splits_ = std::clamp<index_t>(slices_ / 2, splits_, splits_ * wanted_tasks / tasks);
  }

  /// The width of the next tile, in vectors.
  int next_width(index_t n, index_t n_end) const {
    const index_t left = divide_up(n_end - n, kernels_.lanes);
    return by_tiles_ ? static_cast<int>(std::min<index_t>(left, 2)) : kernels_.next_width(left);
  }

  index_t tasks() const { return k_ == 0 ? 0 : m_blocks_ * n_blocks_ * splits_; }
  index_t slice_size() const { return std::min(most_, k_); }
  /// Of a thread: the block of B that a task packs for itself, and panels of A that are gathered.
  index_t own_packed_size() const { return shared_ != nullptr ? 0 : packed_size(slice_size()) * n_block_; }
  index_t panel_tiles_size() const { return by_tiles_ ? packed_size(slice_size()) * split::panel_rows : 0; }
  index_t thread_memory() const { return round_up(own_packed_size() + panel_tiles_size() + slice_size() * kernels_.rows * LeftOperand<T>::panels_at_once, 16); }
  /// Of so many values of k in one column of B, or in one row of a panel of tiles.
  index_t packed_size(index_t depth) const { return by_tiles_ ? round_up(depth, split::block_depth) * split::parts / 2 : depth; }

  /// Where all of B is to be packed once for all tasks, finds the place; returns how many tasks it is to pack it.
  index_t pack_once(std::optional<PackedFilters<T>>& packed) {
    FilterStore::Form form{static_cast<index_t>(FilterForm::panels), n_block_};
    const T* const source = right_.source(form);
    const index_t size = packed_size(k_) * n_blocks_ * n_block_;
    if (size == 0 || k_ * n_blocks_ * n_block_ > max_shared || (m_blocks_ == 1 && context_.filter_store(source) == nullptr)) return 0;
    shared_ = packed.emplace(context_, source, form, size).data();
    return pack_tasks_ = packed->are_packed() ? 0 : n_blocks_ * slices_;
  }
  void pack_shared(index_t task) const {
    const Slice slice = slice_at(task / n_blocks_);
    pack(slice, task % n_blocks_ * n_block_, shared_ + shared_offset(slice, task % n_blocks_));
  }

  void run_task(index_t task, T* own, Segment<T>* segments, T* partial) const {
    run_task({task % n_blocks_, task / n_blocks_ % m_blocks_, task / (n_blocks_ * m_blocks_), own, own + own_packed_size(), segments, partial});
  }

  void run_task(const Work& work) const {
    const index_t n_begin = work.n_block * n_block_, n_end = std::min(n_, n_begin + n_block_);
    const index_t m_begin = work.m_block * m_block_, m_end = std::min(m_, m_begin + m_block_);
    const index_t first = work.split * slices_ / splits_, last = (work.split + 1) * slices_ / splits_;
    const index_t group = left_.group();
    std::optional<split::TileRegisters> registers;
    if (by_tiles_) registers.emplace();
    for (index_t index = first; index < last; ++index) {
      const Slice slice = slice_at(index);
      const T* const packed = packed_block(work, slice, m_end - m_begin);
      SplitPanel tiles(as_tiles(work.buffer), slice.count());
      index_t tiles_begin = m_begin;
      for (index_t m = m_begin, end; m < m_end; m = end) {
        T* buffer = work.buffer + panel_tiles_size();
        if (group == 0) {
          const index_t at_once = LeftOperand<T>::panels_at_once, panel = (m - m_begin) / kernels_.rows % at_once;
          if (panel == 0) left_.prepare(m, std::min(m_end, m + at_once * kernels_.rows), kernels_.rows, slice, buffer);
          buffer += panel * kernels_.rows * slice.count();
        }
        end = std::min(m_end, m + kernels_.rows);
        if (group > 0) end = std::min(end, (m / group + 1) * group);
        SegmentList<T> list{work.segments};
        left_.panel(m, end, kernels_.rows, slice, list, buffer);
        if (!by_tiles_) {
          multiply_panel(work, slice, list, packed, m, end, n_begin, n_end, index == first, index + 1 == last);
          continue;
        }
        if constexpr (std::is_same_v<T, float>) tiles.add(list, left_.stride(kernels_.rows), static_cast<int>(end - m));
        if (!tiles.is_full() && end < m_end) continue;
        tiles.complete();
        multiply_panel(work, slice, tiles, packed, tiles_begin, end, n_begin, n_end, index == first, index + 1 == last);
        tiles = SplitPanel(as_tiles(work.buffer), slice.count());
        tiles_begin = end;
      }
    }
  }

  Slice slice_at(index_t index) const { return {index * most_, std::min(k_, (index + 1) * most_)}; }
  index_t shared_offset(Slice slice, index_t n_block) const {
    return packed_size(slice.begin) * n_blocks_ * n_block_ + n_block * n_block_ * packed_size(slice.count());
  }

  /// The task's block of B for a slice, packed; or null where its few readers can as well read B where it is.
  const T* packed_block(const Work& work, Slice slice, index_t rows) const {
    if (shared_ != nullptr) return shared_ + shared_offset(slice, work.n_block);
    index_t step = 0;
    if (!by_tiles_ && rows <= few_panels * kernels_.rows && n_ % kernels_.lanes == 0 && right_.in_place(0, 0, step) != nullptr) return nullptr;
    pack(slice, work.n_block * n_block_, work.packed);
    return work.packed;
  }

  void pack(Slice slice, index_t n_begin, T* packed) const {
    const index_t n_end = std::min(n_, n_begin + n_block_);
    for (index_t k = slice.begin; k < slice.end; k += pack_depth) {
      const Slice part{k, std::min(slice.end, k + pack_depth)};
      T* to = packed;
      for (index_t n = n_begin; n < n_end;) {
        const index_t width = next_width(n, n_end) * kernels_.lanes;
        if (by_tiles_)
          pack_tiles(part, n, width, to + packed_size(k - slice.begin) * width);
        else
          right_.pack(part, n, width, to + (k - slice.begin) * width);
        to += packed_size(slice.count()) * width;
        n += width;
      }
    }
  }

  void pack_tiles(Slice part, index_t n, index_t width, T* to) const {
    if constexpr (std::is_same_v<T, float>) split_right_operand(right_, part, n, width, n + width <= n_, as_tiles(to));
  }

  void multiply_panel(const Work& work, Slice slice, const SegmentList<T>& list, const T* packed, index_t m, index_t m_end,
                      index_t n_begin, index_t n_end, bool first, bool last) const {
    if (m_end - m == kernels_.rows && (n_end - n_begin) % kernels_.lanes == 0)
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
    const index_t rows = m_end - m, a_step = left_.stride(kernels_.rows), depth = slice.count();
    const bool split = splits_ > 1;
    rows_of_c(work, m, rows, c_rows);
    const bool accumulate = !first || (accumulate_ && !split);
    const index_t next_panel = rows > 1 ? kernels_.rows * (c_rows[1] - c_rows[0]) : 0;
    const index_t results_ahead = depth > short_slice ? -1 : accumulate || depth < shortest_slice ? next_panel : 0;
    for (index_t n = n_begin; n < n_end;) {
      const int vectors = next_width(n, n_end);
      const index_t width = vectors * kernels_.lanes, columns = std::min(width, n_end - n);
      const T* bias = first && !split && bias_ != nullptr ? bias_ + n : nullptr;
      const bool whole = !has_edge || columns == width;
      if constexpr (has_edge) {
        if (!whole && bias != nullptr) {
          std::copy_n(bias, columns, edge_bias);
          bias = edge_bias;
        }
        for (index_t i = 0; i < kernels_.rows; ++i) {
          tile_rows[i] = whole && i < rows ? c_rows[i] + n : edge + i * max_columns;
          if (!whole && i < rows && accumulate) std::copy_n(c_rows[i] + n, columns, tile_rows[i]);
        }
      } else {
        for (int i = 0; i < kernels_.rows; ++i) tile_rows[i] = c_rows[i] + n;
      }
      Columns b{packed, width};
      if (packed == nullptr) b.b = right_.in_place(slice.begin, n, b.step);
      kernels_.multiply[vectors - 1]({list.segments, list.count, a_step, b.b, b.step, tile_rows, bias, accumulate, nullptr, 0, results_ahead});
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
    const bool accumulate = !first || (accumulate_ && splits_ == 1);
    for (index_t n = n_begin, width; n < n_end; n += width) {
      width = next_width(n, n_end) * kernels_.lanes;
      const T* const bias = first && splits_ == 1 && bias_ != nullptr ? bias_ + n : nullptr;
      if constexpr (std::is_same_v<T, float>) panel.multiply(as_tiles(packed), width, std::min(width, n_end - n), c_rows, n, bias, accumulate);
      packed += packed_size(slice.count()) * width;
    }
    if (last && splits_ == 1)
      for (index_t i = 0; i < rows; ++i) epilogue_.apply(c_rows[i] + n_begin, n_end - n_begin);
  }

  /// Where the rows of C are, or a split's of its partial results.
  void rows_of_c(const Work& work, index_t m, index_t count, T** c_rows) const {
    if (splits_ == 1) return output_.rows(m, count, c_rows);
    for (index_t i = 0; i < count; ++i) c_rows[i] = work.partial + (work.split * m_ + m + i) * n_;
  }

  static split::Bfloat16* as_tiles(const T* memory) { return static_cast<split::Bfloat16*>(static_cast<void*>(const_cast<T*>(memory))); }

  void fill_with_bias() {
    for (index_t m = 0; m < m_; ++m) {
      T* row;
      output_.rows(m, 1, &row);
      if (!accumulate_)
        for (index_t n = 0; n < n_; ++n) row[n] = bias_ != nullptr ? bias_[n] : T{0};
      epilogue_.apply(row, n_);
    }
  }

  void add_partial_results(const T* partial) {
#pragma omp parallel for schedule(static) num_threads(context_.threads()) if (m_ * n_ > 4096)
    for (index_t m = 0; m < m_; ++m) {
      T* row;
      output_.rows(m, 1, &row);
      for (index_t n = 0; n < n_; ++n) {
        T total = accumulate_ ? row[n] : bias_ != nullptr ? bias_[n] : T{0};
        for (index_t split = 0; split < splits_; ++split) total += partial[(split * m_ + m) * n_ + n];
        row[n] = total;
      }
      epilogue_.apply(row, n_);
    }
  }

  Context<Cpu>& context_;
  index_t m_, n_, k_;
  const LeftOperand<T>& left_;
  const RightOperand<T>& right_;
  const ProductOutput<T>& output_;
  const T* bias_;
  bool accumulate_;
  Epilogue<T> epilogue_;
  TileKernels<T> kernels_;
  bool by_tiles_;
  index_t most_;  // values of k in a slice
  index_t slices_;
  index_t m_block_ = 0, n_block_ = 0, m_blocks_ = 0, n_blocks_ = 0, splits_ = 1;
  T* shared_ = nullptr;  // all of B, or null where each task packs what it needs
  index_t pack_tasks_ = 0, partial_at_ = 0;
};

}  // namespace nash::cpu
