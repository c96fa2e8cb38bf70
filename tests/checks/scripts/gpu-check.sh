#!/bin/sh
# Runs scripts/gpu-check without a GPU, with stubs of nvcc, nvidia-smi, compute-sanitizer and a Python with PyTorch: gpu-check.sh SCRIPT FOLDER
#
# What the nvcc of ours "builds" prints a table, and ends as the file behave/PROGRAM-ARGUMENT says.
set -eu
. "$(dirname "$0")/expect.sh"
script=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/behave"
cd "$folder"

stub() {
  printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
  chmod +x "bin/$1"
}
stub nvidia-smi 'echo "A GPU, 1.0"'
stub broken-nvidia-smi 'exit 9'
stub broken-nvcc 'case "$*" in --version) echo "release 13.0, V13" ;; *) echo "$*" >>'"$folder"'/nvcc-calls; echo "cannot compile"; exit 1 ;; esac'
stub program 'name=$(basename "$0")
echo "$name $1" >>"$STUBS/ran"
printf "Steps of $name:\n| $1 | row 1 |\n"
if [ -f "$STUBS/behave/$name-$1" ]; then . "$STUBS/behave/$name-$1"; fi
printf "| $1 | row 2 |\n[doctest] test cases: 1\nlargest difference\n"'
stub nvcc 'case "$*" in
  --version) echo "Cuda compilation tools, release 13.0, V13"; exit ;;
  *-E*)
    for argument; do case $argument in -I*) include=${argument#-I} ;; esac; done
    if [ -f "${include:-$STUBS/nothing}/cudnn.h" ]; then echo "nash_asks $(cat "$include/cudnn.h")"; fi
    exit ;;
esac
echo "$*" >>"$STUBS/nvcc-calls"
while [ $# -gt 0 ]; do
  case $1 in -o) out=$2 ;; esac
  shift
done
case $out in
  *.o) if [ -f "$STUBS/behave/$(basename "$out")" ]; then . "$STUBS/behave/$(basename "$out")"; fi; : >"$out" ;;
  *) cp "$STUBS/bin/program" "$out" ;;
esac'
stub compute-sanitizer 'echo "sanitizer $*" >>"$STUBS/ran"'
stub python 'case "$1 $2" in
  *torch_steps.py*) echo "torch $2" >>"$STUBS/ran"; printf "PyTorch:\n| $2 |\nnoise\n" ;;
  *torch_convolutions.py*) echo "torch convolutions of $(head -n 1 "$2")" >>"$STUBS/ran" ;;
  *nvidia-cudnn*) exit 1 ;;
esac'

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
export STUBS="$folder" NVCC="$folder/bin/nvcc" PYTHON="$folder/bin/python" PATH="$folder/bin:$PATH"
unset CUDNN_ROOT CUDA_ARCH
report() { cat "$folder/report/report.md"; }
has() { grep -qF -- "$1" "$folder/report/report.md" || { report; echo "The report does not say: $1"; exit 1; }; }
has_not() { ! grep -qF -- "$1" "$folder/report/report.md" || { report; echo "The report says: $1"; exit 1; }; }

expect 1 "no nvcc" env NVCC="$folder/bin/absent" "$packed"
mv bin/nvidia-smi bin/working-nvidia-smi
mv bin/broken-nvidia-smi bin/nvidia-smi
expect 1 "no NVIDIA GPU" "$packed"
mv bin/working-nvidia-smi bin/nvidia-smi

# Nothing can be built: what there would be to run is left out, and said to be.
expect 1 "build: **failed** (build.log)" env NVCC="$folder/bin/broken-nvcc" "$packed" "$folder/report"
has "# nash on A GPU, 1.0, CUDA 13.0"
has "- steps: **left out**, speed was not built"
has "some checks failed"
expect 1 "build: **failed** (build.log)" env NVCC="$folder/bin/broken-nvcc" "$packed" --compile "$folder/compiled"
grep -q -- "-arch=sm_80" nvcc-calls || { echo "--compile does not ask for sm_80"; exit 1; }
rm nvcc-calls
expect 1 "build: **failed** (build.log)" env NVCC="$folder/bin/broken-nvcc" CUDA_ARCH=sm_90 "$packed" --compile "$folder/compiled"
grep -q -- "-arch=sm_90" nvcc-calls || { echo "--compile does not ask for CUDA_ARCH"; exit 1; }

# What is built and run, in which order.
rm -f ran
expect 0 "every check passed" "$packed" --compile "$folder/compiled"
[ ! -e ran ] || { echo "--compile runs something: $(cat ran)"; exit 1; }
expect 0 "every check passed" "$packed" "$folder/report"
[ "$(sed 's/ --.*//' ran | tr '\n' ';')" = "tests ;speed steps;torch eager;speed kernels;speed cases;torch convolutions of Steps of speed:;train data/train-images-idx3-ubyte;torch compile;sanitizer;sanitizer;sanitizer;" ] ||
  { echo "another order:"; cat ran; exit 1; }
has "| steps | row 2 |"
has "| eager |"
has_not "noise"
has "- cuDNN: left out, there is no cudnn.h in nvcc's places; CUDNN_ROOT is for"

# What was built elsewhere runs here, and nothing is built again.
expect 1 "no $folder/nothing/build/tests: run scripts/gpu-check --compile" "$packed" --run "$folder/nothing"
expect 2 "usage: scripts/gpu-check --run" "$packed" --run
rm nvcc-calls ran
expect 0 "every check passed" "$packed" --run "$folder/compiled"
[ ! -e nvcc-calls ] || { echo "--run compiles: $(cat nvcc-calls)"; exit 1; }
grep -q "speed steps" ran || { echo "--run leaves steps out:"; cat ran; exit 1; }
[ -x compiled/build/tests ] || { echo "--run takes away what was built"; exit 1; }

# Eight minutes at most: the checks' ends on the clock only grow, to that.
built=$(sed -n 's/^ *built=\([1-9][0-9]*\).*/\1/p' "$packed")
ends=$(sed -nE 's/^ *(if .* then )?(check|sanitized) [a-z_]+ \$\(\(built \+ ([0-9]+)\)\).*/\3/p' "$packed" | while read -r end; do echo $((built + end)); done)
[ "$(echo "$ends" | wc -l)" -ge 10 ] && [ "$(echo "$ends" | sort -n)" = "$ends" ] && [ "$(echo "$ends" | tail -n 1)" -le 480 ] ||
  { echo "the checks do not end one after the other within 480 seconds: $ends"; exit 1; }

# A part that fails to build takes nothing along but its own program, and a program that fails nothing but its rows.
echo "exit 1" >behave/layers.o
echo "exit 3" >behave/speed-kernels
expect 1 "some checks failed" "$packed" "$folder/report"
has "- tests: **left out**, tests was not built"
has "- steps: passed"
has "- kernels: **failed** (kernels.log)"
has "| kernels | row 1 |"
has_not "| kernels | row 2 |"
has "- train: passed"
rm behave/*

# A check that its end on the clock cuts off leaves its rows, and says so; the next ones run.
sed -E 's/check steps \$\(\(built \+ [0-9]+/check steps $((SECONDS + 3/' "$packed" >"$packed-quick"
chmod +x "$packed-quick"
echo "sleep 30" >behave/speed-steps
expect 1 "some checks failed" "$packed-quick" "$folder/report"
has "| steps | row 1 |"
has "- steps: **cut off** after 3 s (steps.log"
has "- kernels: passed"
sed -E 's/check kernels \$\(\(built \+ [0-9]+/check kernels $((0/' "$packed" >"$packed-quick"
rm behave/*
expect 1 "some checks failed" "$packed-quick" "$folder/report"
has "- kernels: **left out**, no time is left for it"

# Ended from outside, it leaves what there was, and no processes.
echo 'echo $$ >"$STUBS/sleeper"; sleep 60' >behave/speed-steps
rm -f sleeper
"$packed" "$folder/report" >/dev/null 2>&1 &
run=$!
while [ ! -e sleeper ]; do sleep 0.1; done
sleep 0.5
has "- tests: passed"
has "| steps | row 1 |"
kill "$run"
code=0
wait "$run" || code=$?
[ "$code" = 143 ] || { echo "the exit code of a run that was ended is $code"; exit 1; }
has "**Ended from outside** after"
has 'while `steps` ran'
sleep 0.5
! kill -0 "$(cat sleeper)" 2>/dev/null || { echo "a program outlives the run that was ended"; exit 1; }
rm behave/*

# cuDNN: versions, and the layout of pip's packages.
mkdir -p wheel/include wheel/lib
echo 8 >wheel/include/cudnn.h
for version in 8 10; do
  echo $version >wheel/include/cudnn.h
  expect 0 "nash takes cuDNN 9, and in $folder/wheel there is $version; CUDNN_ROOT is for" env CUDNN_ROOT="$folder/wheel" "$packed" --compile "$folder/compiled"
done
expect 0 "no cudnn.h in $folder/nowhere/include or nvcc's places" env CUDNN_ROOT="$folder/nowhere" "$packed" --compile "$folder/compiled"
echo 9 >wheel/include/cudnn.h
expect 0 "there is no libcudnn.so in $folder/wheel/lib" env CUDNN_ROOT="$folder/wheel" "$packed" --compile "$folder/compiled"
: >wheel/lib/libcudnn.so.9
rm nvcc-calls ran
expect 0 "- cudnn_steps: passed" env CUDNN_ROOT="$folder/wheel" "$packed" "$folder/report"
grep -q -- "-I$folder/wheel/include" nvcc-calls || { echo "cuDNN's folder is not given to nvcc"; exit 1; }
grep -q -- "-Xlinker $folder/wheel/lib/libcudnn.so.9 -Xlinker -rpath -Xlinker $folder/wheel/lib" nvcc-calls || { echo "pip's library is not linked"; exit 1; }
[ "$(grep -c "_cudnn" ran)" = 3 ] || { echo "not all of cuDNN's checks ran:"; cat ran; exit 1; }
stub python 'case "$*" in *nvidia-cudnn-cu*" 13") echo "$STUBS/wheel" ;; *) exit 1 ;; esac'
expect 0 "- cudnn_steps: passed" "$packed" "$folder/report"
has "- PyTorch: left out"
