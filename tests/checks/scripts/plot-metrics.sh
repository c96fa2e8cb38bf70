#!/bin/sh
# Runs scripts/plot-metrics, in a folder of its own: plot-metrics.sh SCRIPT FOLDER
set -eu
. "$(dirname "$0")/expect.sh"
script=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

# With phases that did not run in every step, and one that never did.
cat >metrics.csv <<'END'
step,d_loss,g_loss,d_real,d_fake,d_gradient_norm,g_gradient_norm
1,1.5,,0.5,,2,
2,1.25,0.75,0.625,,2,1
3,,0.5,,,,1
4,1,0.875,0.75,,2,1
END
head -n 1 metrics.csv >empty.csv

expect 2 "usage: scripts/plot-metrics" "$script"
expect 2 "usage: scripts/plot-metrics" "$script" metrics.csv
expect 2 "usage: scripts/plot-metrics" "$script" metrics.csv losses.png more
expect 2 "must be readable" "$script" no-such.csv losses.png
expect_files . "empty.csv metrics.csv"

if ! command -v gnuplot >/dev/null; then
  echo "Skipped: gnuplot is not installed; on Debian: apt install gnuplot-nox"
  exit 77
fi
expect 1 "empty.csv has no steps to draw" "$script" empty.csv losses.png
expect_files . "empty.csv metrics.csv"
expect 0 "" "$script" metrics.csv losses.png
expect_files . "empty.csv losses.png metrics.csv"
[ "$(head -c 8 losses.png | od -An -tx1)" = " 89 50 4e 47 0d 0a 1a 0a" ] || { echo "losses.png is no PNG"; exit 1; }
[ "$(wc -c <losses.png)" -gt 5000 ] || { echo "losses.png is too small to show anything"; exit 1; }
