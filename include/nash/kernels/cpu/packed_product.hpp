// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "nash/kernels/cpu/tile.hpp"
#include "nash/tensor/context.hpp"

namespace nash::cpu {

/// A range of k that lies within one block: `taps` whole taps, or a part of a single one.
struct Slice {
  index_t tap, taps;      ///< the taps of the left operand
  index_t first, depth;   ///< the part of each tap
  index_t begin, count;   ///< the same as a range of k
};

/// A of a product, m×k, where k = tap·depth + d. Asked for a few rows at a time, so that the calls cost nothing.
template <class T>
struct LeftOperand {
  LeftOperand(index_t t, index_t d) : taps(t), depth(d) {}

  /// The step from one d to the next.
  virtual index_t stride(int rows) const = 0;
  /// pointers[(tap − slice.tap)·rows + i] := where row m + i starts in the slice; rows from m_end on may point anywhere
  /// readable. The buffer has room for rows·slice.count values.
  virtual void panel(index_t m, index_t m_end, int rows, const Slice& slice, const T** pointers, T* buffer) const = 0;

  const index_t taps, depth;

 protected:
  ~LeftOperand() = default;
};

/// B of a product, k×n.
template <class T>
struct RightOperand {
  /// to[(k − begin)·width + j] := B[k][n + j] for `count` values of k, zero beyond the last column.
  virtual void pack(index_t begin, index_t count, index_t n, index_t width, T* to) const = 0;

 protected:
  ~RightOperand() = default;
};

/// C of a product, m×n.
template <class T>
struct ProductOutput {
  /// Where row m starts; its columns are contiguous.
  virtual T* row(index_t m) const = 0;

 protected:
  ~ProductOutput() = default;
};

/// C (+)= A·B + bias for any operands that can be read as above: the core of every product on the Cpu device.
///
/// The work is cut into tasks of m_block × n_block results, and where that gives too few, into splits of k whose partial
/// results are added in order. The cut depends on the sizes alone, so that the bits do not depend on the threads.
template <class T>
class PackedProduct {
 public:
  PackedProduct(Context<Cpu>& context, index_t m, index_t n, const LeftOperand<T>& left, const RightOperand<T>& right,
                const ProductOutput<T>& output, const T* bias, bool accumulate)
      : context_(context), m_(m), n_(n), left_(left), right_(right), output_(output), bias_(bias), accumulate_(accumulate),
        kernels_(tile_kernels<T>(context.instruction_set())) {
    slices_per_tap_ = std::max<index_t>(1, divide_up(left.depth, max_slice));
    taps_per_slice_ = slices_per_tap_ > 1 ? 1 : std::max<index_t>(1, std::min(left.taps, max_slice / std::max<index_t>(left.depth, 1)));
    slices_ = slices_per_tap_ > 1 ? left.taps * slices_per_tap_ : divide_up(left.taps, taps_per_slice_);
    if (left.taps * left.depth == 0) slices_ = 0;
    choose_blocks();
  }

  void run() {
    if (m_ == 0 || n_ == 0) return;
    if (slices_ == 0) return fill_with_bias();
    const index_t rows = kernels_.rows;
    const index_t partial_size = splits_ > 1 ? splits_ * m_ * n_ : 0;
    const index_t slice_size = std::min(max_slice, left_.taps * left_.depth);
    const auto partial = context_.template scratch<T>(partial_size);
    const index_t packed_size = slice_size * n_block_, buffer_size = slice_size * rows;
    const index_t per_thread = round_up(packed_size + buffer_size, 16);
    const auto packed = context_.template scratch<T>(per_thread * context_.threads());
    const index_t pointer_count = round_up(taps_per_slice_ * rows, 8);
    const auto pointers = context_.template scratch<const T*>(pointer_count * context_.threads());
    const index_t tasks = m_blocks_ * n_blocks_ * splits_;
#pragma omp parallel for schedule(dynamic) num_threads(context_.threads()) if (tasks > 1)
    for (index_t task = 0; task < tasks; ++task) {
      T* const own = packed.data() + per_thread * this_thread();
      const Work work{task % n_blocks_, task / n_blocks_ % m_blocks_, task / (n_blocks_ * m_blocks_),
                      own, own + packed_size, pointers.data() + pointer_count * this_thread(), partial.data()};
      run_task(work);
    }
    if (splits_ > 1) add_partial_results(partial.data());
  }

 private:
  static constexpr index_t max_slice = 256;       // values of k in a block: a packed block of B stays in the second cache
  static constexpr index_t max_m_block = 192;     // enough rows that packing B again for each block costs little
  static constexpr index_t max_n_block = 384;
  static constexpr index_t wanted_tasks = 8;      // so many, that a handful of threads find work

  struct Work {
    index_t n_block, m_block, split;
    T* packed;
    T* buffer;
    const T** pointers;
    T* partial;
  };

  static index_t divide_up(index_t value, index_t by) { return by == 0 ? 0 : (value + by - 1) / by; }
  static index_t round_up(index_t value, index_t step) { return divide_up(value, step) * step; }

  void choose_blocks() {
    const index_t rows = kernels_.rows, lanes = kernels_.lanes, wide = lanes * kernels_.vectors;
    m_block_ = round_up(std::min(m_, max_m_block), rows);
    n_block_ = round_up(divide_up(n_, divide_up(n_, max_n_block)), lanes);  // of equal size
    while (divide_up(m_, m_block_) * divide_up(n_, n_block_) < wanted_tasks) {
      if (n_block_ >= 2 * wide)
        n_block_ = round_up(n_block_ / 2, lanes);
      else if (m_block_ >= 8 * rows)
        m_block_ = round_up(m_block_ / 2, rows);
      else
        break;
    }
    m_blocks_ = divide_up(m_, m_block_);
    n_blocks_ = divide_up(n_, n_block_);
    const index_t tasks = std::max<index_t>(1, m_blocks_ * n_blocks_);
    splits_ = tasks >= wanted_tasks ? 1 : std::clamp<index_t>(slices_ / 2, 1, wanted_tasks / tasks);
  }

  Slice slice(index_t index) const {
    if (slices_per_tap_ > 1) {
      const index_t tap = index / slices_per_tap_, first = index % slices_per_tap_ * max_slice;
      const index_t depth = std::min(max_slice, left_.depth - first);
      return {tap, 1, first, depth, tap * left_.depth + first, depth};
    }
    const index_t tap = index * taps_per_slice_, taps = std::min(taps_per_slice_, left_.taps - tap);
    return {tap, taps, 0, left_.depth, tap * left_.depth, taps * left_.depth};
  }

  void run_task(const Work& work) const {
    const index_t n_begin = work.n_block * n_block_, n_end = std::min(n_, n_begin + n_block_);
    const index_t first = work.split * slices_ / splits_, last = (work.split + 1) * slices_ / splits_;
    for (index_t index = first; index < last; ++index) {
      const Slice part = slice(index);
      pack(work, part, n_begin, n_end);
      const index_t m_begin = work.m_block * m_block_, m_end = std::min(m_, m_begin + m_block_);
      for (index_t m = m_begin; m < m_end; m += kernels_.rows) {
        left_.panel(m, m_end, kernels_.rows, part, work.pointers, work.buffer);
        multiply_panel(work, part, m, m_end, n_begin, n_end, index == first);
      }
    }
  }

  void pack(const Work& work, const Slice& part, index_t n_begin, index_t n_end) const {
    T* to = work.packed;
    for (index_t n = n_begin; n < n_end;) {
      const index_t width = kernels_.next_width((n_end - n + kernels_.lanes - 1) / kernels_.lanes) * kernels_.lanes;
      right_.pack(part.begin, part.count, n, width, to);
      to += part.count * width;
      n += width;
    }
  }

  void multiply_panel(const Work& work, const Slice& part, index_t m, index_t m_end, index_t n_begin, index_t n_end,
                      bool first) const {
    constexpr index_t max_rows = TileKernels<T>::max_rows, max_columns = TileKernels<T>::max_columns;
    alignas(64) T edge[max_rows * max_columns] = {};  // a whole tile where C has only a part of one
    alignas(64) T edge_bias[max_columns] = {};
    T* c_rows[max_rows];
    T* tile_rows[max_rows];
    const index_t rows = std::min<index_t>(kernels_.rows, m_end - m);
    const bool split = splits_ > 1;
    for (index_t i = 0; i < rows; ++i) c_rows[i] = split ? work.partial + (work.split * m_ + m + i) * n_ : output_.row(m + i);
    const bool accumulate = !first || (accumulate_ && !split);
    const T* b = work.packed;
    for (index_t n = n_begin; n < n_end;) {
      const int vectors = kernels_.next_width((n_end - n + kernels_.lanes - 1) / kernels_.lanes);
      const index_t width = vectors * kernels_.lanes, columns = std::min(width, n_end - n);
      const bool whole = columns == width;
      const T* bias = first && !split && bias_ != nullptr ? bias_ + n : nullptr;
      if (!whole && bias != nullptr) {
        std::copy_n(bias, columns, edge_bias);
        bias = edge_bias;
      }
      for (index_t i = 0; i < kernels_.rows; ++i) {
        tile_rows[i] = whole && i < rows ? c_rows[i] + n : edge + i * max_columns;
        if (!whole && i < rows && accumulate) std::copy_n(c_rows[i] + n, columns, tile_rows[i]);
      }
      kernels_.multiply[vectors - 1](
          {part.taps, part.depth, left_.stride(kernels_.rows), work.pointers, b, tile_rows, bias, accumulate});
      if (!whole)
        for (index_t i = 0; i < rows; ++i) std::copy_n(tile_rows[i], columns, c_rows[i] + n);
      b += part.count * width;
      n += width;
    }
  }

  void fill_with_bias() {
    if (accumulate_) return;
    for (index_t m = 0; m < m_; ++m)
      for (index_t n = 0; n < n_; ++n) output_.row(m)[n] = bias_ != nullptr ? bias_[n] : T{0};
  }

  void add_partial_results(const T* partial) {
#pragma omp parallel for schedule(static) num_threads(context_.threads()) if (m_ * n_ > 4096)
    for (index_t m = 0; m < m_; ++m) {
      T* const row = output_.row(m);
      for (index_t n = 0; n < n_; ++n) {
        T total = accumulate_ ? row[n] : bias_ != nullptr ? bias_[n] : T{0};
        for (index_t split = 0; split < splits_; ++split) total += partial[(split * m_ + m) * n_ + n];
        row[n] = total;
      }
    }
  }

  Context<Cpu>& context_;
  index_t m_, n_;
  const LeftOperand<T>& left_;
  const RightOperand<T>& right_;
  const ProductOutput<T>& output_;
  const T* bias_;
  bool accumulate_;
  TileKernels<T> kernels_;
  index_t slices_per_tap_ = 1, taps_per_slice_ = 1, slices_ = 0;
  index_t m_block_ = 0, n_block_ = 0, m_blocks_ = 0, n_blocks_ = 0, splits_ = 1;
};

/// The rows of a matrix stored m×k.
template <class T>
struct MatrixRows final : LeftOperand<T> {
  MatrixRows(const T* a, index_t k) : LeftOperand<T>(1, k), a_(a) {}

  index_t stride(int) const override { return 1; }
  void panel(index_t m, index_t m_end, int rows, const Slice& slice, const T** pointers, T*) const override {
    for (int i = 0; i < rows; ++i) pointers[i] = a_ + std::min(m + i, m_end - 1) * this->depth + slice.first;
  }

 private:
  const T* a_;
};

/// The rows of a matrix that is stored transposed, k×m: gathered into the buffer, since the kernel would jump from one
/// cache line to the next for each value.
template <class T>
struct TransposedRows final : LeftOperand<T> {
  TransposedRows(const T* a, index_t m, index_t k) : LeftOperand<T>(1, k), a_(a), m_total_(m) {}

  index_t stride(int rows) const override { return rows; }
  void panel(index_t m, index_t m_end, int rows, const Slice& slice, const T** pointers, T* buffer) const override {
    const index_t valid = std::min<index_t>(rows, m_end - m);
    for (index_t k = 0; k < slice.count; ++k) {
      const T* const from = a_ + (slice.begin + k) * m_total_ + m;
      T* const to = buffer + k * rows;
      if (valid == 8)
        std::copy_n(from, 8, to);
      else
        for (index_t i = 0; i < rows; ++i) to[i] = i < valid ? from[i] : T{0};
    }
    for (int i = 0; i < rows; ++i) pointers[i] = buffer + i;
  }

 private:
  const T* a_;
  index_t m_total_;
};

/// The columns of a matrix stored k×n.
template <class T>
struct MatrixColumns final : RightOperand<T> {
  MatrixColumns(const T* b, index_t n) : b_(b), n_total_(n) {}

  void pack(index_t begin, index_t count, index_t n, index_t width, T* to) const override {
    const index_t columns = std::min(width, n_total_ - n);
    for (index_t k = 0; k < count; ++k, to += width) {
      std::copy_n(b_ + (begin + k) * n_total_ + n, columns, to);
      std::fill(to + columns, to + width, T{0});
    }
  }

 private:
  const T* b_;
  index_t n_total_;
};

/// The columns of a matrix that is stored transposed, n×k.
template <class T>
struct TransposedColumns final : RightOperand<T> {
  TransposedColumns(const T* b, index_t n, index_t k) : b_(b), n_total_(n), k_total_(k) {}

  void pack(index_t begin, index_t count, index_t n, index_t width, T* to) const override {
    const index_t columns = std::min(width, n_total_ - n);
    constexpr index_t run = 16;  // so many values of one row are read before the next row's, a cache line of floats
    for (index_t first = 0; first < count; first += run) {
      const index_t end = std::min(count, first + run);
      for (index_t j = 0; j < columns; ++j) {
        const T* const from = b_ + (n + j) * k_total_ + begin;
        for (index_t k = first; k < end; ++k) to[k * width + j] = from[k];
      }
    }
    if (columns < width)
      for (index_t k = 0; k < count; ++k) std::fill(to + k * width + columns, to + (k + 1) * width, T{0});
  }

 private:
  const T* b_;
  index_t n_total_, k_total_;
};

/// The rows of a dense matrix with n columns.
template <class T>
struct MatrixOutput final : ProductOutput<T> {
  MatrixOutput(T* c, index_t n) : c_(c), n_(n) {}

  T* row(index_t m) const override { return c_ + m * n_; }

 private:
  T* c_;
  index_t n_;
};

}  // namespace nash::cpu
