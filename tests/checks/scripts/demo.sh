#!/bin/sh
# Runs scripts/demo without a compiler, in a folder of its own: demo.sh SCRIPT FOLDER
#
# A cmake of our own "builds" a program that writes down where it runs and with what, and leaves the metrics that STEPS asks
# for. plot-metrics is one of our own too.
set -eu
. "$(dirname "$0")/expect.sh"
rm -rf "$2"
mkdir -p "$2/repository/scripts/lib" "$2/bin" "$2/elsewhere"
cp "$1" "$2/repository/scripts/demo"
cp "$(dirname "$1")/lib/packages.sh" "$2/repository/scripts/lib"
cd "$2"
top=$PWD

cat >repository/scripts/plot-metrics <<'END'
#!/bin/sh
[ "$(wc -l <"$1")" -gt 1 ] || { echo "plot-metrics: $1 has no steps to draw" >&2; exit 1; }
echo "a plot" >"$2"
END
cat >program <<'END'
#!/bin/sh
echo "in $PWD: $*"
[ "$*" != --help ] || exit 0
out=
for argument; do
  [ "$out" != next ] || out=$argument
  case $argument in
    --out) out=next ;;
    --out=*) out=${argument#--out=} ;;
  esac
done
mkdir -p "$out"
if [ -n "${WAIT:-}" ]; then
  trap 'echo "step,d_loss\n1,1" >"$out/metrics.csv"; echo "ended early"; exit 0' INT
  : >"$WAIT"
  while :; do sleep 0.05; done
fi
{ echo "step,d_loss"; seq "${STEPS:-2}" | sed 's/$/,1/'; } >"$out/metrics.csv"
exit "${CODE:-0}"
END
cat >bin/cmake <<'END'
#!/bin/sh
case $1 in
  -S) mkdir -p "$4/examples" && cp "$TOP/program" "$4/examples/mnist_dcgan" ;;
  --build) [ -e "$2/examples/mnist_dcgan" ] ;;
esac
END
chmod +x repository/scripts/* program bin/cmake
export TOP="$top" NASH_PACKAGES=skip PATH="$top/bin:$PATH"

# From the repository itself: names are short.
cd repository
expect 0 "in $top/repository: --out runs/demo" scripts/demo
expect 0 "Losses:   runs/demo/losses.png" scripts/demo --steps 3
[ -s runs/demo/losses.png ]
expect 0 "in $top/repository: --help" scripts/demo --help

# From elsewhere: what the caller names is the caller's, and the rest the repository's.
cd ../elsewhere
rm -r ../repository/build ../repository/runs
expect 0 "in $top/elsewhere: --data digits --out ../repository/runs/demo" ../repository/scripts/demo --data digits
[ -s ../repository/runs/demo/losses.png ]
[ -e ../repository/build/demo/build.log ]
expect_files . ""
expect 0 "in $top/elsewhere: --out mine" ../repository/scripts/demo --out mine
[ -s mine/losses.png ]
expect 0 "Losses:   mine/joined/losses.png" ../repository/scripts/demo --out=mine/joined
[ -s mine/joined/losses.png ]
expect_files . "mine"

# Interrupted before the first step: no plot, and none of an earlier run either.
STEPS=0 expect 0 "No step was finished, so there are no losses to plot" ../repository/scripts/demo --out mine
expect_files mine "joined metrics.csv"

# What the program says, the script says.
CODE=2 expect 2 "in $top/elsewhere" ../repository/scripts/demo --out other
expect_files other "metrics.csv"

# Ctrl-C reaches the script and its program alike: the program ends its run, and the script draws what there is.
rm -rf mine started
env --default-signal=INT WAIT="$PWD/started" setsid ../repository/scripts/demo --out mine >interrupted.log 2>&1 &
script=$!
for _ in $(seq 200); do [ -e started ] && break; sleep 0.05; done
kill -INT "-$script"
code=0
wait "$script" || code=$?
cat interrupted.log
[ "$code" -eq 0 ] || { echo "The exit code is $code, not 0"; exit 1; }
grep -q "ended early" interrupted.log
grep -q "Losses:   mine/losses.png" interrupted.log
[ -s mine/losses.png ]
