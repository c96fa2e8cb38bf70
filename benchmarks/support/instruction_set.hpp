// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "nash/core/error.hpp"
#include "nash/core/platform.hpp"

namespace benchmark {

inline const char* name_of(nash::InstructionSet set) {
  return set == nash::InstructionSet::baseline ? "baseline" : set == nash::InstructionSet::avx2 ? "avx2" : set == nash::InstructionSet::avx512 ? "avx512" : "amx";
}

/// The value of the option --instruction-set. Throws ShapeError for another name, and for what this processor does not have.
inline nash::InstructionSet instruction_set_of(const std::string& text) {
  using nash::InstructionSet;
  for (const auto set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512, InstructionSet::amx}) {
    if (text != name_of(set)) continue;
    if (set <= nash::detect_instruction_set()) return set;
    throw nash::ShapeError("--instruction-set", nash::concat({"at most ", name_of(nash::detect_instruction_set()), ", which this processor has"}), nash::concat({"'", text, "'"}), "");
  }
  throw nash::ShapeError("--instruction-set", "baseline, avx2, avx512 or amx", nash::concat({"'", text, "'"}), "");
}

}  // namespace benchmark
