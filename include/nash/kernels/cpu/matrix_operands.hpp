// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "nash/kernels/cpu/product_operands.hpp"
#include "nash/tensor/context.hpp"

namespace nash::cpu {

/// Copies one row of a packed block, whose width is a multiple of a vector; zeros beyond `columns`.
template <class T>
void pack_row(const T* from, index_t columns, index_t width, T* to) {
  constexpr index_t run = 4;  // values in the narrowest vector: a copy of known size is a move, not a call
  index_t j = 0;
  for (; j + run <= columns; j += run) std::memcpy(to + j, from + j, run * sizeof(T));
  for (; j < columns; ++j) to[j] = from[j];
  for (; j < width; ++j) to[j] = T{0};
}

/// Vectors of four values as the rows of a matrix, which is transposed.
template <class Vector>
NASH_ALWAYS_INLINE void transpose_vectors(Vector& a, Vector& b, Vector& c, Vector& d) {
  const Vector ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5), ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const Vector bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5), bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5), b = __builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7);
  c = __builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5), d = __builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7);
}

/// to[j·to_step + i] := from[i·from_step + j] for i < rows, j < columns: blocks of 4×4 in vector registers, then what is left.
template <class T>
void transpose_block(const T* from, index_t from_step, index_t rows, index_t columns, T* to, index_t to_step) {
  using Vector = typename VectorOf<T, 4 * sizeof(T)>::type;
  const index_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  for (index_t j = 0; j < whole_columns; j += 4)
    for (index_t i = 0; i < whole_rows; i += 4) {
      Vector a, b, c, d;
      const T* const block = from + i * from_step + j;
      std::memcpy(&a, block, sizeof a), std::memcpy(&b, block + from_step, sizeof b);
      std::memcpy(&c, block + 2 * from_step, sizeof c), std::memcpy(&d, block + 3 * from_step, sizeof d);
      transpose_vectors(a, b, c, d);
      T* const out = to + j * to_step + i;
      std::memcpy(out, &a, sizeof a), std::memcpy(out + to_step, &b, sizeof b);
      std::memcpy(out + 2 * to_step, &c, sizeof c), std::memcpy(out + 3 * to_step, &d, sizeof d);
    }
  for (index_t j = 0; j < columns; ++j)
    for (index_t i = j < whole_columns ? whole_rows : 0; i < rows; ++i) to[j * to_step + i] = from[i * from_step + j];
}

/// The rows of a matrix stored m×k.
template <class T>
struct MatrixRows final : LeftOperand<T> {
  MatrixRows(const T* a, index_t k) : a_(a), k_(k) {}

  index_t stride(int) const override { return 1; }
  bool is_matrix() const override { return true; }
  void panel(index_t m, index_t m_end, int rows, Slice slice, SegmentList<T>& list, T*) const override {
    Segment<T>& segment = list.add(0, slice.count());
    for (int i = 0; i < rows; ++i) segment.rows[i] = a_ + std::min(m + i, m_end - 1) * k_ + slice.begin;
  }

 private:
  const T* a_;
  index_t k_;
};

/// The rows of a matrix that is stored transposed, k×m: gathered into the buffer, since the kernel would jump from one
/// cache line to the next for each value.
template <class T>
struct TransposedRows final : LeftOperand<T> {
  TransposedRows(const T* a, index_t m) : a_(a), m_total_(m) {}

  index_t stride(int rows) const override { return rows; }
  bool is_matrix() const override { return true; }
  void panel(index_t, index_t, int rows, Slice slice, SegmentList<T>& list, T* buffer) const override {
    Segment<T>& segment = list.add(0, slice.count());
    for (int i = 0; i < rows; ++i) segment.rows[i] = buffer + i;
  }
  void prepare(index_t m, index_t m_end, int rows, Slice slice, T* buffer) const override {
    if (rows == 8)
      gather_panels<8>(m, m_end, slice, buffer);
    else
      gather_panels<6>(m, m_end, slice, buffer);
  }

 private:
  template <index_t rows>
  void gather_panels(index_t m, index_t m_end, Slice slice, T* buffer) const {
    const index_t whole = (m_end - m) / rows, rest = (m_end - m) % rows, panel = rows * slice.count();
    const T* from = a_ + slice.begin * m_total_ + m;
    for (T *row = buffer, *end = buffer + panel; row != end; row += rows, from += m_total_) {
      for (index_t p = 0; p < whole; ++p) std::memcpy(row + p * panel, from + p * rows, rows * sizeof(T));
      if (rest > 0)
        for (index_t i = 0; i < rows; ++i) row[whole * panel + i] = i < rest ? from[whole * rows + i] : T{0};
    }
  }

  const T* a_;
  index_t m_total_;
};

/// The columns of a matrix stored k×n.
template <class T>
struct MatrixColumns final : RightOperand<T> {
  MatrixColumns(const T* b, index_t n) : b_(b), n_total_(n) {}

  void pack(Slice slice, index_t n, index_t width, T* to) const override {
    const index_t columns = std::min(width, n_total_ - n);
    constexpr index_t ahead = 32, line = 64 / sizeof(T);  // rows lie in pages of their own: no hardware looks ahead so far
    for (index_t k = slice.begin; k < slice.end; ++k, to += width) {
      const T* const row = b_ + k * n_total_ + n;
      for (index_t j = 0; j < columns; j += line) __builtin_prefetch(row + ahead * n_total_ + j, 0, 2);
      pack_row(row, columns, width, to);
    }
  }
  const T* in_place(index_t k, index_t n, index_t& step) const override {
    step = n_total_;
    return b_ + k * n_total_ + n;
  }
  const T* source(FilterStore::Form& form) const override {
    form[2] = n_total_;
    return b_;
  }

 private:
  const T* b_;
  index_t n_total_;
};

/// The columns of a matrix that is stored transposed, n×k.
template <class T>
struct TransposedColumns final : RightOperand<T> {
  TransposedColumns(const T* b, index_t n, index_t k) : b_(b), n_total_(n), k_total_(k) {}

  void pack(Slice slice, index_t n, index_t width, T* to) const override {
    const index_t columns = std::min(width, n_total_ - n), count = slice.count();
    const T* const from = b_ + n * k_total_ + slice.begin;
    transpose_block(from, k_total_, columns, count, to, width);
    if (columns < width)
      for (index_t k = 0; k < count; ++k) std::fill(to + k * width + columns, to + (k + 1) * width, T{0});
  }
  const T* source(FilterStore::Form& form) const override {
    form[2] = n_total_, form[3] = k_total_;
    return b_;
  }

 private:
  const T* b_;
  index_t n_total_, k_total_;
};

/// The rows of a dense matrix with n columns.
template <class T>
struct MatrixOutput final : ProductOutput<T> {
  MatrixOutput(T* c, index_t n) : c_(c), n_(n) {}

  void rows(index_t m, index_t count, T** pointers) const override {
    for (index_t i = 0; i < count; ++i) pointers[i] = c_ + (m + i) * n_;
  }

 private:
  T* c_;
  index_t n_;
};

/// C := Pᵀ + bias, or C += Pᵀ, where C is m×n and P, the product of the transposed operands, n×m.
template <class T>
void transpose_into(Context<Cpu>& context, const T* p, index_t m, index_t n, T* c, const T* bias, bool accumulate) {
  constexpr index_t block = 16;  // columns of C at a time: a cache line of floats, so that threads do not share any
#pragma omp parallel for schedule(static) num_threads(context.threads()) if (m * n > 1 << 15)
  for (index_t first = 0; first < n; first += block) {
    const index_t columns = std::min(block, n - first);
    alignas(64) T rows[block * block];
    for (index_t i = 0; i < m; i += block) {
      const index_t count = std::min(block, m - i);
      transpose_block(p + first * m + i, m, columns, count, rows, block);
      for (index_t r = 0; r < count; ++r) {
        T* const to = c + (i + r) * n + first;
        for (index_t j = 0; j < columns; ++j)
          to[j] = accumulate ? to[j] + rows[r * block + j] : bias != nullptr ? rows[r * block + j] + bias[first + j] : rows[r * block + j];
      }
    }
  }
}

}  // namespace nash::cpu
