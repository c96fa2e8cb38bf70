#!/bin/sh
# Kills a long training run in a folder with the files of an earlier run: killed.sh FOLDER "FILES" PROGRAM ARGUMENTS...
# Fails if one of these files is then still the earlier run's.
set -u
folder=$1
files=$2
shift 2
rm -rf "$folder"
mkdir -p "$folder"
for file in $files; do echo "of an earlier run" >"$folder/$file"; done
"$@" --out "$folder" >"$folder.log" 2>&1 &
program=$!
trap 'kill -KILL $program 2>/dev/null' EXIT
waited=0
while [ "$(wc -l <"$folder/metrics.csv")" -lt 2 ]; do  # the header and a step; before, there is one line
  kill -0 $program 2>/dev/null || { cat "$folder.log"; echo "It ended by itself"; exit 1; }
  [ $waited -lt 1200 ] || { echo "Nothing happened for two minutes"; exit 1; }
  waited=$((waited + 1))
  sleep 0.1
done
kill -KILL $program
wait $program 2>/dev/null
trap - EXIT
for file in $files; do
  ! grep -qs "of an earlier run" "$folder/$file" || { echo "$folder/$file is of an earlier run"; exit 1; }
done
