#!/bin/sh
# Runs scripts/gpu-check without a GPU, with stubs of nvcc and nvidia-smi: gpu-check.sh SCRIPT FOLDER
set -eu
. "$(dirname "$0")/expect.sh"
script=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder/bin"
cd "$folder"

stub() {
  printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
  chmod +x "bin/$1"
}
stub nvidia-smi 'echo "A GPU, 1.0"'
stub broken-nvidia-smi 'exit 9'
stub nvcc 'case "$*" in --version) echo "release 13.0, V13" ;; *) echo "$*" >>'"$folder"'/nvcc-calls; echo "cannot compile"; exit 1 ;; esac'

if [ ! -f /usr/include/doctest/doctest.h ]; then
  echo "Skipped: doctest is not in /usr/include; on Debian: apt install doctest-dev"
  exit 77
fi
expect 2 "usage: scripts/gpu-check" "$script" --pack
expect 2 "usage: scripts/gpu-check" "$script" --nothing
expect 2 "usage: scripts/gpu-check --compile" "$script" --compile
expect 1 "set DOCTEST_INCLUDE" env DOCTEST_INCLUDE="$folder/bin" "$script" --pack "$folder/packed"
expect 0 "take $folder/packed to the machine with the GPU" "$script" --pack "$folder/packed"
expect_files packed "benchmarks data include scripts tests third_party"
[ "$(wc -c <packed/data/train-images-idx3-ubyte)" = 7840016 ] || { echo "the digits are not unpacked"; exit 1; }

packed=$folder/packed/scripts/gpu-check
expect 1 "no nvcc" env NVCC="$folder/bin/absent" "$packed"
mv bin/nvidia-smi bin/working-nvidia-smi
mv bin/broken-nvidia-smi bin/nvidia-smi
expect 1 "no NVIDIA GPU" env NVCC="$folder/bin/nvcc" PATH="$folder/bin:$PATH" "$packed"
mv bin/working-nvidia-smi bin/nvidia-smi
expect 1 "build: **failed** (build.log)" env NVCC="$folder/bin/nvcc" PATH="$folder/bin:$PATH" "$packed" "$folder/report"
expect 1 "build: **failed** (build.log)" env NVCC="$folder/bin/nvcc" "$packed" --compile "$folder/compiled"
grep -q -- "-arch=sm_80" nvcc-calls || { echo "--compile does not ask for sm_80"; exit 1; }
rm nvcc-calls
expect 1 "build: **failed** (build.log)" env NVCC="$folder/bin/nvcc" CUDA_ARCH=sm_90 "$packed" --compile "$folder/compiled"
grep -q -- "-arch=sm_90" nvcc-calls || { echo "--compile does not ask for CUDA_ARCH"; exit 1; }
case "$(cat report/report.md)" in
  "# nash on A GPU, 1.0, CUDA 13.0"*"some checks failed"*) ;;
  *) echo "the report is not whole"; exit 1 ;;
esac
