#!/bin/sh
# Compiles convolutions.cu with nvcc, with cuDNN or without, warnings as errors, links and runs it.
#
#   convolutions.sh <nvcc> <include folder> <tests folder> <output folder> <flag for OpenMP> cudnn|no_cudnn <folder of cudnn.h> <cuDNN's library>
set -eu
nvcc=$1 include=$2 tests=$3 out=$4 openmp=$5 with=$6 cudnn_include=$7 cudnn_library=$8
mkdir -p "$out"
if [ "$with" = cudnn ]; then
  define=1
else
  define=0 cudnn_include=$include cudnn_library=
fi
# shellcheck disable=SC2086  # no library is no argument
"$nvcc" -std=c++20 -O1 -gencode=arch=compute_80,code=sm_80 -gencode=arch=compute_90,code='[sm_90,compute_90]' --threads 2 \
  --expt-relaxed-constexpr -diag-suppress=1675 -Werror all-warnings -Xcompiler "$openmp",-Wall,-Wextra,-Werror \
  -DNASH_CUDNN=$define -I "$include" -I "$tests" -isystem "$cudnn_include" "$tests/checks/cuda/convolutions.cu" -o "$out/convolutions" -lcublas $cudnn_library
# Which library it is that the program has, so that the option cannot be without effect.
if nm -uC "$out/convolutions" | grep -q cudnnBackendExecute; then has=cudnn; else has=no_cudnn; fi
[ "$has" = "$with" ] || { echo "built $with, but the program has $has"; exit 1; }
"$out/convolutions"
