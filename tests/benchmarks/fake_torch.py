#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for a Python with PyTorch where the program kernels talks to one: it multiplies matrices, by plain loops, as
benchmarks/peers/torch_kernels.py would."""

import array
import sys

take, give = sys.stdin.buffer, sys.stdout.buffer


def say(text):
    give.write(f"{text}\n".encode())
    give.flush()


def matrix(rows, columns, transposed):
    values = array.array("f", take.read(4 * rows * columns))
    if transposed:
        return [values[row::rows] for row in range(rows)]
    return [values[row * columns:(row + 1) * columns] for row in range(rows)]


say("fake")
for line in iter(take.readline, b""):
    what, *arguments = line.decode().split()
    if what == "gemm":
        m, n, k, transpose_a, transpose_b, _ = map(int, arguments)
        a, columns = matrix(m, k, transpose_a), matrix(n, k, not transpose_b)
    elif what == "time":
        say(0.001 * int(arguments[0]))
    else:
        c = array.array("f", (sum(map(float.__mul__, map(float, row), column)) for row in a for column in columns)).tobytes()
        say(len(c))
        give.write(c)
        give.flush()
