#!/bin/sh
# Compiles the two source files of this folder with nvcc, warnings as errors, links them and runs the program.
#
#   two_sources.sh <nvcc> <include folder> <source folder> <output folder> <flag for OpenMP>
set -eu
nvcc=$1 include=$2 sources=$3 out=$4 openmp=$5
mkdir -p "$out"
compile() {
  "$nvcc" -std=c++20 -O1 -gencode=arch=compute_80,code=sm_80 -gencode=arch=compute_90,code='[sm_90,compute_90]' --threads 2 \
    --expt-relaxed-constexpr -diag-suppress=1675 -Werror all-warnings -Xcompiler "$openmp",-Wall,-Wextra,-Werror \
    -I "$include" -I "$sources" -c "$sources/$1.cu" -o "$out/$1.o"
}
compile main &
main=$!
compile other
wait $main
"$nvcc" "$out/main.o" "$out/other.o" -o "$out/two_sources" -Xcompiler "$openmp" -lcublas
"$out/two_sources"
