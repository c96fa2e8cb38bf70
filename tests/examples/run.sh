#!/bin/sh
# Runs a program that writes files into a folder, empty at first: run.sh FOLDER "FILES" PROGRAM ARGUMENTS...
# Fails unless it ends with exit code 0 and leaves exactly these files, none of them empty.
set -eu
folder=$1
files=$2
shift 2
rm -rf "$folder"
"$@"
for file in $files; do
  [ -s "$folder/$file" ] || { echo "$folder/$file is missing or empty"; exit 1; }
done
[ "$(ls -A "$folder" | wc -l)" -eq "$(echo "$files" | wc -w)" ] || { echo "There are other files: $(ls -A "$folder")"; exit 1; }
