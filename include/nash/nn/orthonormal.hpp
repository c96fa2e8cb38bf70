// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "nash/core/error.hpp"
#include "nash/core/platform.hpp"

NASH_BEGIN_SIMD_LOOPS
namespace nash {
namespace detail {

inline double inner_product(const double* u, const double* v, index_t length) {
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (index_t i = 0; i < length; ++i) total += u[i] * v[i];
  return total;
}

/// v −= ⟨u, v⟩·u
inline void remove_projection(const double* u, index_t length, double* v) {
  const double shared = inner_product(u, v, length);
#pragma omp simd
  for (index_t i = 0; i < length; ++i) v[i] -= shared * u[i];
}

/// The same for four orthonormal rows u at once, so that v goes through the processor once for all of them.
inline void remove_four_projections(const double* u, index_t length, double* v) {
  const double *const a = u, *const b = a + length, *const c = b + length, *const d = c + length;
  double in_a = 0, in_b = 0, in_c = 0, in_d = 0;
#pragma omp simd reduction(+ : in_a, in_b, in_c, in_d)
  for (index_t i = 0; i < length; ++i) {
    in_a += a[i] * v[i];
    in_b += b[i] * v[i];
    in_c += c[i] * v[i];
    in_d += d[i] * v[i];
  }
#pragma omp simd
  for (index_t i = 0; i < length; ++i) v[i] -= in_a * a[i] + in_b * b[i] + in_c * c[i] + in_d * d[i];
}

}  // namespace detail

/// Makes the rows of q, vectors×length with vectors ≤ length, orthonormal. The result does not depend on the number of threads.
///
/// Gram–Schmidt by panels: the rows of a panel among themselves, then all later rows against the panel, which stays in the
/// cache. It runs twice, since once leaves a rest where two rows are nearly parallel (Giraud, Langou and Rozložník 2005).
inline void orthonormalise(int threads, index_t vectors, index_t length, double* q) {
  constexpr index_t panel = 8;
  const auto row = [=](index_t vector) { return q + vector * length; };
  for (int pass = 0; pass < 2; ++pass)
    for (index_t first = 0; first < vectors; first += panel) {
      const index_t last = std::min(vectors, first + panel);
      for (index_t v = first; v < last; ++v) {
        for (index_t u = first; u < v; ++u) detail::remove_projection(row(u), length, row(v));
        const double scale = 1 / std::sqrt(detail::inner_product(row(v), row(v), length));
        for (index_t i = 0; i < length; ++i) row(v)[i] *= scale;
      }
#pragma omp parallel for schedule(dynamic, 16) num_threads(threads) if ((vectors - last) * length > 1 << 14)
      for (index_t v = last; v < vectors; ++v)
        for (index_t u = first; u < last; u += 4) detail::remove_four_projections(row(u), length, row(v));
    }
}

}  // namespace nash
NASH_END_SIMD_LOOPS
