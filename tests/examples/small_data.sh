#!/bin/sh
# Writes the first 300 of the bundled digits, with labels, as a folder of IDX files: small_data.sh FROM TO
# Beside it, the same in TO-unlabelled without labels, in TO-letters with one label of 10, in TO-reversed with other labels.
set -eu
mkdir -p "$2" "$2-unlabelled" "$2-letters" "$2-reversed"
# Magic number, how many, and for images their height and width; then a byte a pixel or label.
{
  printf '\000\000\010\003\000\000\001\054\000\000\000\034\000\000\000\034'
  gzip -dc "$1/train-images-idx3-ubyte.gz" | tail -c +17 | head -c $((300 * 28 * 28))
} >"$2/train-images-idx3-ubyte"
labels() { gzip -dc "$1/train-labels-idx1-ubyte.gz" | tail -c +9 | head -c 300; }
{
  printf '\000\000\010\001\000\000\001\054'
  labels "$1"
} >"$2/train-labels-idx1-ubyte"

for other in unlabelled letters reversed; do cp "$2/train-images-idx3-ubyte" "$2-$other"; done
{
  head -c 307 "$2/train-labels-idx1-ubyte"
  printf '\012'
} >"$2-letters/train-labels-idx1-ubyte"
tr '\000\001\002\003\004\005\006\007\010\011' '\011\010\007\006\005\004\003\002\001\000' <"$2/train-labels-idx1-ubyte" |
  tail -c 300 >"$2-reversed/labels"
{
  head -c 8 "$2/train-labels-idx1-ubyte"
  cat "$2-reversed/labels"
} >"$2-reversed/train-labels-idx1-ubyte"
rm "$2-reversed/labels"
