#!/bin/sh
# Writes the first 300 of the bundled digits, with labels, as a folder of IDX files: small_data.sh FROM TO
set -eu
mkdir -p "$2"
# Magic number, how many, and for images their height and width; then a byte a pixel or label.
{
  printf '\000\000\010\003\000\000\001\054\000\000\000\034\000\000\000\034'
  gzip -dc "$1/train-images-idx3-ubyte.gz" | tail -c +17 | head -c $((300 * 28 * 28))
} >"$2/train-images-idx3-ubyte"
{
  printf '\000\000\010\001\000\000\001\054'
  gzip -dc "$1/train-labels-idx1-ubyte.gz" | tail -c +9 | head -c 300
} >"$2/train-labels-idx1-ubyte"
