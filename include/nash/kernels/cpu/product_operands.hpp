// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nash/kernels/cpu/tile.hpp"
#include "nash/tensor/filter_store.hpp"

namespace nash::cpu {

constexpr index_t divide_up(index_t value, index_t by) { return (value + by - 1) / by; }
constexpr index_t round_up(index_t value, index_t step) { return divide_up(value, step) * step; }

/// The most values of k that are multiplied at a time, so that a packed block of B stays in the second cache.
inline constexpr index_t max_slice = 256;

/// The part [begin, end) of k that is multiplied at a time.
struct Slice {
  index_t begin, end;

  index_t count() const { return end - begin; }
};

/// Where a panel of the left operand writes its segments. There is room for one a value of k.
template <class T>
struct SegmentList {
  Segment<T>* segments;
  int count = 0;

  Segment<T>& add(index_t begin, index_t length) {
    Segment<T>& segment = segments[count++];
    segment.begin = begin, segment.count = length;
    return segment;
  }
};

/// A of a product, m×k. Asked for a few rows at a time, so that the calls cost nothing.
template <class T>
struct LeftOperand {
  /// The step in memory from one k to the next.
  virtual index_t stride(int rows) const = 0;
  /// Lists the segments of rows [m, m_end), at most `rows` of them, in the slice, as offsets from its beginning. Rows that a
  /// tile has beyond m_end may point at anything readable. The buffer has room for rows·slice.count() values.
  virtual void panel(index_t m, index_t m_end, int rows, Slice slice, SegmentList<T>& list, T* buffer) const = 0;
  /// Whether it is a matrix, all of whose rows have all of k: for others tile registers do not pay.
  virtual bool is_matrix() const { return false; }
  /// Panels end where such a group of rows ends: rows of one group have equal segments. 0: there are no groups.
  virtual index_t group() const { return 0; }
  /// Before the panels of rows [m, m_end), at most panels_at_once of them: puts into the buffer, for each panel in its turn, what that will
  /// find in its own. For operands whose rows are neighbours in memory, so that each line of it is read once; not for those with groups.
  virtual void prepare(index_t m, index_t m_end, int rows, Slice slice, T* buffer) const { (void)m, (void)m_end, (void)rows, (void)slice, (void)buffer; }

  static constexpr index_t panels_at_once = 8;

 protected:
  ~LeftOperand() = default;
};

/// B of a product, k×n.
template <class T>
struct RightOperand {
  /// to[k·width + j] := B[slice.begin + k][n + j], zero beyond the last column.
  virtual void pack(Slice slice, index_t n, index_t width, T* to) const = 0;
  /// Where B is stored as it is multiplied: the place of B[k][n], and the step to B[k + 1][n] in `step`. Else null.
  virtual const T* in_place(index_t k, index_t n, index_t& step) const {
    (void)k, (void)n, (void)step;
    return nullptr;
  }
  /// Where its values come from, and all but the first places of the form in which it packs them: see FilterStore.
  virtual const T* source(FilterStore::Form& form) const = 0;

 protected:
  ~RightOperand() = default;
};

/// C of a product, m×n.
template <class T>
struct ProductOutput {
  /// pointers[i] := where row m + i starts, for `count` rows; the columns of a row are contiguous.
  virtual void rows(index_t m, index_t count, T** pointers) const = 0;

 protected:
  ~ProductOutput() = default;
};

}  // namespace nash::cpu
