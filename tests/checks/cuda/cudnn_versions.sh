#!/bin/sh
# What CMake and the compiler say where cuDNN is of another version, or is not there; without nvcc, with headers that say so much and no more.
#
#   cudnn_versions.sh <compiler> <cmake> <cmake folder> <include folder> <output folder>
set -eu
compiler=$1 cmake=$2 modules=$3 include=$4 out=$5
. "$(dirname "$0")/../scripts/expect.sh"
rm -rf "$out"
mkdir -p "$out/stub" "$out/empty" "$out/half/include"
echo 'using cudaStream_t = void*;' >"$out/stub/cuda_runtime.h"

# root VERSION FOLDER LIBRARY: a cuDNN of that version
root() {
  mkdir -p "$out/$2/include" "$out/$2/lib"
  echo "#define CUDNN_MAJOR $1" | tee "$out/$2/include/cudnn_version.h" >"$out/$2/include/cudnn.h"
  : >"$out/$2/lib/$3"
}
root 8 old libcudnn.so
root 10 new libcudnn.so
root 9 archive libcudnn.so
root 9 wheel libcudnn.so.9
cp "$out"/archive/include/* "$out/half/include"

# The header's own words, for those who use no CMake.
compile() { "$compiler" -std=c++20 -fsyntax-only -DNASH_CUDNN=1 -I "$include" -I "$out/stub" "$@" -x c++ /dev/null; }
for version in old new; do
  expect 1 "nash takes convolutions from cuDNN 9, and the compiler finds another version" \
    compile -I "$out/$version/include" -include nash/tensor/cuda/cudnn.hpp
done
# A cuDNN that lies in the compiler's own places is hidden from it.
others=$("$compiler" -E -v -x c++ /dev/null 2>&1 | sed -n '/^#include </,/^End/s/^ //p' | while read -r folder; do
  [ -e "$folder/cudnn.h" ] || printf ' -isystem %s' "$folder"
done)
# shellcheck disable=SC2086  # several arguments
compile_without() { compile -nostdinc -nostdinc++ $others "$@"; }
expect 1 "the compiler finds no <cudnn.h>: name cuDNN's include folder by -I" compile_without -include nash/tensor/cuda/no_cudnn.hpp
expect 0 "" compile_without -include nash/tensor/cuda/no_cudnn.hpp -UNASH_CUDNN
expect 0 "" compile_without -include nash/tensor/cuda/no_cudnn.hpp -I "$out/archive/include"

# CMake's.
cat >"$out/look.cmake" <<'END'
set(CMAKE_FIND_LIBRARY_PREFIXES lib)
set(CMAKE_FIND_LIBRARY_SUFFIXES .so)
include(${MODULES}/LookForCudnn.cmake)
nash_look_for_cudnn(include library)
message(STATUS "found ${include} and ${library}")
END
expect_look() {
  output=$("$cmake" "-DMODULES=$modules" "-DNASH_CUDNN_ROOT=$out/$1" -P "$out/look.cmake" 2>&1 | tr '\n' ' ' | tr -s ' ')
  case "$output" in *"$2"*) ;; *) echo "For $1 CMake does not say: $2"; echo "$output"; exit 1 ;; esac
}
expect_look old "NASH_CUDNN needs cuDNN 9, found 8 ($out/old/include)"
expect_look new "NASH_CUDNN needs cuDNN 9, found 10 ($out/new/include)"
expect_look empty "cuDNN 9 was not found"
expect_look half "there is $out/half/include/cudnn.h, but no libcudnn.so with it"
expect_look archive "found $out/archive/include and $out/archive/lib/libcudnn.so"
expect_look wheel "found $out/wheel/include and $out/wheel/lib/libcudnn.so.9"
