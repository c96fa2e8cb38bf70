#!/bin/sh
# Presses Ctrl-C during a long training run: interrupted.sh FOLDER "FILES" PROGRAM ARGUMENTS...
# Fails unless the program then ends with exit code 0, says so, and has written these files and every row of the metrics.
set -u
folder=$1
files=$2
shift 2
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
"$@" --out "$folder" >"$folder.log" 2>&1 &
program=$!
trap 'kill -KILL $program 2>/dev/null' EXIT

rows() { if [ -f "$folder/metrics.csv" ]; then wc -l <"$folder/metrics.csv"; else echo 0; fi; }
waited=0
while [ "$(rows)" -lt 4 ]; do  # the header and three steps
  kill -0 $program 2>/dev/null || { cat "$folder.log"; echo "It ended by itself"; exit 1; }
  [ $waited -lt 1200 ] || { echo "Nothing happened for two minutes"; exit 1; }
  waited=$((waited + 1))
  sleep 0.1
done
kill -INT $program
wait $program
code=$?
trap - EXIT
cat "$folder.log"
[ $code -eq 0 ] || { echo "The exit code is $code, not 0"; exit 1; }
steps=$(sed -n 's/.*Interrupted after \([0-9]*\) steps.*/\1/p' "$folder.log")
[ "$((steps + 1))" -eq "$(rows)" ] || { echo "After $steps steps the metrics have $(rows) lines"; exit 1; }
for file in $files; do
  [ -s "$folder/$file" ] || { echo "$folder/$file is missing or empty"; exit 1; }
done
