#!/bin/sh
# Runs a program that fails in the middle, in a folder with the files of an earlier run:
# failing.sh FOLDER "FILES" TEXT PROGRAM ARGUMENTS...
# Fails unless it ends with exit code 2, its stderr holds the text, and these files are there, and none of the earlier run.
set -u
folder=$1
files=$2
text=$3
shift 3
rm -rf "$folder"
mkdir -p "$folder"
for file in $files generator.safetensors; do echo "of an earlier run" >"$folder/$file"; done
errors=$("$@" --out "$folder" 2>&1 >"$folder.log")
code=$?
cat "$folder.log"
echo "$errors"
[ $code -eq 2 ] || { echo "The exit code is $code, not 2"; exit 1; }
case "$errors" in
  *"$text"*) ;;
  *) echo "The message does not say: $text"; exit 1 ;;
esac
for file in $files; do
  [ -s "$folder/$file" ] || { echo "$folder/$file is missing or empty"; exit 1; }
done
! grep -l "of an earlier run" "$folder"/* || { echo "These are of an earlier run"; exit 1; }
grep -q "after [1-9][0-9]* step" "$folder.log" || { echo "It did not fail in the middle, or does not say so"; exit 1; }
