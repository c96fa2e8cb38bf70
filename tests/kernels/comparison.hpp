// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include "nash/kernels/host.hpp"

/// A buffer that starts off every alignment and has guards on both sides, so that writes beside it are seen.
template <class T>
class Guarded {
 public:
  explicit Guarded(nash::index_t count, T value = std::numeric_limits<T>::quiet_NaN()) : count_(count), memory_(size(count + 2 * guard), wall) {
    std::fill_n(data(), count, value);
  }
  static Guarded random(nash::index_t count, std::uint64_t seed) {
    Guarded buffer(count);
    for (nash::index_t i = 0; i < count; ++i) buffer.data()[i] = static_cast<T>(nash::RandomStream(seed).normal(i));
    return buffer;
  }

  /// For an operand: NaN on both sides, which shows where more than it is read and used.
  Guarded with_nan_walls() && {
    std::fill_n(memory_.begin(), guard, std::numeric_limits<T>::quiet_NaN());
    std::fill_n(memory_.end() - guard, guard, std::numeric_limits<T>::quiet_NaN());
    return std::move(*this);
  }

  T* data() { return memory_.data() + guard; }
  const T* data() const { return memory_.data() + guard; }
  nash::index_t count() const { return count_; }
  T operator[](nash::index_t i) const { return data()[i]; }

  bool walls_stand() const {
    const auto is_wall = [](T value) { return value == wall; };
    return std::all_of(memory_.begin(), memory_.begin() + guard, is_wall) && std::all_of(memory_.end() - guard, memory_.end(), is_wall);
  }
  bool same_bits(const Guarded& other) const { return std::memcmp(data(), other.data(), size(count_) * sizeof(T)) == 0; }

 private:
  static constexpr nash::index_t guard = 33;  // odd: the data is not aligned to any vector
  static constexpr T wall = T(-12345);
  static std::size_t size(nash::index_t count) { return static_cast<std::size_t>(count); }
  nash::index_t count_;
  std::vector<T> memory_;
};

inline Guarded<double> widened(const Guarded<float>& x) {
  Guarded<double> y(x.count());
  std::copy_n(x.data(), x.count(), y.data());
  return y;
}
inline Guarded<double> widened(const Guarded<double>& x) { return x; }
template <class T>
Guarded<T> magnitudes(Guarded<T> x) {
  std::transform(x.data(), x.data() + x.count(), x.data(), [](T value) { return std::abs(value); });
  return x;
}

/// How far `result` is off, in units of T's rounding of the sum of the absolute terms: what any order of summing may be off
/// by is a small multiple of the square root of their number. Infinite where something was not written.
template <class T>
double roundings_off(const Guarded<T>& result, const Guarded<double>& expected, const Guarded<double>& magnitude) {
  double worst = 0;
  for (nash::index_t i = 0; i < result.count(); ++i) {
    const double error = std::abs(static_cast<double>(result[i]) - expected[i]);
    const double unit = static_cast<double>(std::numeric_limits<T>::epsilon()) * magnitude[i];
    if (!(error <= worst * unit)) worst = error / unit;
    if (std::isnan(worst)) return std::numeric_limits<double>::infinity();
  }
  return worst;
}

/// The instruction sets of this processor.
inline std::vector<nash::InstructionSet> instruction_sets() {
  std::vector<nash::InstructionSet> sets;
  for (const auto set : {nash::InstructionSet::baseline, nash::InstructionSet::avx2, nash::InstructionSet::avx512, nash::InstructionSet::amx})
    if (set <= nash::detect_instruction_set()) sets.push_back(set);
  return sets;
}

inline const char* name_of(nash::InstructionSet set) {
  return set == nash::InstructionSet::baseline ? "baseline" : set == nash::InstructionSet::avx2 ? "avx2" : set == nash::InstructionSet::avx512 ? "avx512" : "amx";
}

/// Calls f(context) for a context of each instruction set with one thread.
template <class Function>
void for_each_instruction_set(const Function& f) {
  for (const auto set : instruction_sets()) {
    CAPTURE(name_of(set));
    nash::Context<nash::Cpu> context(1);
    context.limit_instruction_set(set);
    REQUIRE(context.instruction_set() == set);
    f(context);
  }
}
