#!/bin/sh
# Runs a program on input that is not right: refusal.sh TEXT PROGRAM ARGUMENTS...
# Fails unless it ends with exit code 2 and its stderr holds the text and nothing that looks like a crash.
set -u
text=$1
shift
errors=$("$@" 2>&1 >/dev/null </dev/null)
code=$?
echo "$errors"
[ $code -eq 2 ] || { echo "The exit code is $code, not 2"; exit 1; }
case "$errors" in
  *"$text"*) ;;
  *) echo "The message does not say: $text"; exit 1 ;;
esac
case "$errors" in
  *terminate\ called* | *what\(\):* | *Sanitizer* | *runtime\ error* | *\#0\ 0x*) echo "That is a crash"; exit 1 ;;
esac
