#!/bin/sh
# Runs judge_digits with --out: paths.sh PROGRAM ARGUMENTS...
# Fails unless the linear and the spherical path begin and end at the same samples, of which the classifier is sure of some, and differ between.
set -eu
table=$("$@")
echo "$table"
echo "$table" | awk -F '|' '
  $2 ~ /linear/ { for (i = 3; i <= 11; ++i) linear[i] = $i; ++rows }
  $2 ~ /spherical/ { for (i = 3; i <= 11; ++i) spherical[i] = $i; ++rows }
  END {
    if (rows != 2) { print "There are not two paths"; exit 1 }
    if (linear[3] != spherical[3] || linear[11] != spherical[11]) { print "The ends are not the same"; exit 1 }
    if (linear[3] + 0 <= 0) { print "No sample is clear"; exit 1 }
    for (i = 4; i <= 10; ++i) different += linear[i] != spherical[i]
    if (!different) { print "Both paths are one"; exit 1 }
  }'
