// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What differs between compilers and processors, and nothing else: the only preprocessor conditions of nash.

// A function marked so has one body, compiled for the host and, under nvcc, for the device.
#if defined(__CUDACC__)
#define NASH_HOST_DEVICE __host__ __device__
#else
#define NASH_HOST_DEVICE
#endif

#define NASH_ALWAYS_INLINE inline __attribute__((always_inline))
// Compiled once and called, where copies in all callers would cost time to compile and gain nothing.
#define NASH_NOINLINE __attribute__((noinline))
// The same, and compiled for size, in less time: what runs seldom, or spends its time in what it calls.
#define NASH_COLD __attribute__((noinline, cold))

// Code for a wider instruction set than the one the file is compiled for. Only outer functions carry these: what they
// call must be NASH_ALWAYS_INLINE, since a function compiled for the base target is not inlined into them.
#if (defined(__x86_64__) || defined(__i386__)) && !defined(__CUDACC__)
#define NASH_X86 1
#define NASH_TARGET_AVX2 __attribute__((target("avx2,fma")))
#define NASH_TARGET_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define NASH_TARGET_AVX2_NO_FMA __attribute__((target("avx2")))
#define NASH_RARE_ON_X86 __attribute__((cold))  // compiled for size, in less time
#else
#define NASH_X86 0
#define NASH_RARE_ON_X86
#define NASH_TARGET_AVX2
#define NASH_TARGET_AVX512
#define NASH_TARGET_AVX2_NO_FMA
#endif

// Tile registers (Intel AMX) in functions of their own, by inline assembly: a program asks Linux for them before it may use them.
#if defined(__x86_64__) && defined(__linux__)
#define NASH_TILE_REGISTERS 1
#define NASH_TILE_ASM(...) asm volatile(__VA_ARGS__)
#else
#define NASH_TILE_REGISTERS 0
#define NASH_TILE_ASM(...) __builtin_trap()  // is never come to
#endif

// Around loops with "omp simd", which asks for vector instructions where they can be had: clang would warn wherever they
// cannot, as at -O1 or under a sanitizer.
#if defined(__clang__)
#define NASH_BEGIN_SIMD_LOOPS _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wpass-failed\"")
#define NASH_END_SIMD_LOOPS _Pragma("clang diagnostic pop")
#else
#define NASH_BEGIN_SIMD_LOOPS
#define NASH_END_SIMD_LOOPS
#endif

// Sets to zero the bytes between a struct's members, where the compiler can: GCC from 11 on.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define NASH_CLEARS_PADDING 1
#define NASH_CLEAR_PADDING(address) __builtin_clear_padding(address)
#else
#define NASH_CLEARS_PADDING 0
#define NASH_CLEAR_PADDING(address) static_cast<void>(address)
#endif

// Where the device Cuda has its library of convolutions from: cuDNN with -DNASH_CUDNN=1, the same in all files of a program.
// NASH_LACKS_CUDNN says that it was asked for and is not there.
#if !defined(NASH_CUDNN) || !NASH_CUDNN
#define NASH_CUDA_CONVOLUTIONS "nash/tensor/cuda/no_cudnn.hpp"
#define NASH_LACKS_CUDNN false
#elif __has_include(<cudnn.h>)
#define NASH_CUDA_CONVOLUTIONS "nash/tensor/cuda/cudnn.hpp"
#define NASH_LACKS_CUDNN false
#else
#define NASH_CUDA_CONVOLUTIONS "nash/tensor/cuda/no_cudnn.hpp"
#define NASH_LACKS_CUDNN true
#endif

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if NASH_TILE_REGISTERS
#include <cerrno>
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstddef>
#include <cstdint>

namespace nash {

/// The instruction sets that the Cpu device has kernels for, from the plainest to the widest.
enum class InstructionSet { baseline, avx2, avx512, amx };

/// Whether the processor multiplies tiles of bfloat16, and the system lets this program do so. It is asked for once; from then on Linux wants
/// signal stacks that have room for the tiles (sigaltstack refuses less than 11 KiB), and where a smaller one is there already it does not let.
inline bool have_tile_registers() {
#if NASH_TILE_REGISTERS
  static const bool have = [] {
    constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM of <asm/prctl.h>, XFEATURE_XTILEDATA
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & amx_bf16) == 0 || (d & amx_tile) == 0) return false;
    const int error = errno;
    const bool granted = syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
    errno = error;
    return granted;
  }();
  return have;
#else
  return false;
#endif
}

/// The widest instruction set of the processor that runs this.
inline InstructionSet detect_instruction_set() {
#if NASH_X86
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq"))
    return have_tile_registers() ? InstructionSet::amx : InstructionSet::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::baseline;
}

/// How many threads a parallel region gets when nobody says otherwise: OMP_NUM_THREADS or the number of cores.
inline int default_threads() {
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

/// The number of the calling thread within its parallel region.
inline int this_thread() {
#if defined(_OPENMP)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

/// Asks for pages of 2 MiB where a block of memory has room for whole ones, so that large tensors need few entries of the
/// processor's table of pages. Linux gives them on request; elsewhere, and where it cannot, nothing happens.
inline void advise_huge_pages([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t page = std::uintptr_t{1} << 21;
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(block) + page - 1) / page * page;
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(block) + bytes) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace nash
