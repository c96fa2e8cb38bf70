#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of the program kernels, which starts it and talks to it through a pipe: peers/pytorch.cpp.

It says its version in a line. Then, for each line of input:

    conv2d DIRECTION N H W C O R S STRIDE_H STRIDE_W PADDING_H PADDING_W    and the floats of image, filters and output
    gemm M N K TRANSPOSE_A TRANSPOSE_B ACCUMULATE                           and the floats of both matrices
    time REPEATS                                                            answers the seconds in a line
    result                                                                  answers the number of bytes in a line, and the bytes

Layouts are nash's, N×H×W×C and O×H×W×I, which is what PyTorch calls channels last.
"""

import sys
import time

import torch

take, give = sys.stdin.buffer, sys.stdout.buffer


def say(text):
    give.write(f"{text}\n".encode())
    give.flush()


def floats(*shape):
    count = 4 * torch.Size(shape).numel()
    return torch.frombuffer(bytearray(take.read(count)), dtype=torch.float32).view(shape)


def convolution(direction, *sizes):
    """A function without arguments, and how its result gets nash's layout. Images are views, so that nothing is reordered."""
    n, h, w, c, o, r, s, stride_h, stride_w, padding_h, padding_w = sizes
    p, q = (h + 2 * padding_h - r) // stride_h + 1, (w + 2 * padding_w - s) // stride_w + 1
    x, f, y = (floats(*shape).permute(0, 3, 1, 2) for shape in ((n, h, w, c), (o, r, s, c), (n, p, q, o)))
    stride, padding = (stride_h, stride_w), (padding_h, padding_w)
    if direction == "forward":
        run = lambda: torch.nn.functional.conv2d(x, f, None, stride, padding)
    else:
        wanted = (direction == "backward_data", direction == "backward_weights", False)
        run = lambda: torch.ops.aten.convolution_backward(y, x, f, None, stride, padding, (1, 1), False, (0, 0), 1, wanted)[0 if wanted[0] else 1]
    return run, lambda result: result.permute(0, 2, 3, 1)


def product(m, n, k, transpose_a, transpose_b, accumulate):
    a = floats(k, m).t() if transpose_a else floats(m, k)
    b = floats(n, k).t() if transpose_b else floats(k, n)
    c = torch.zeros(m, n)
    if accumulate:
        return lambda: c.addmm_(a, b), lambda result: a @ b  # what one run adds
    return lambda: torch.mm(a, b, out=c), lambda result: result


def main():
    torch.set_num_threads(int(sys.argv[1]))
    say(torch.__version__.split("+")[0])
    with torch.inference_mode():
        for line in iter(take.readline, b""):
            what, *arguments = line.decode().split()
            if what == "conv2d":
                run, arranged = convolution(arguments[0], *map(int, arguments[1:]))
            elif what == "gemm":
                run, arranged = product(*map(int, arguments))
            elif what == "time":
                time.sleep(0.002)  # until the threads of the one before sleep
                begin = time.perf_counter()
                for _ in range(int(arguments[0])):
                    run()
                seconds = time.perf_counter() - begin
                time.sleep(0.002)  # until its own do
                say(seconds)
            else:
                values = arranged(run()).contiguous().numpy().tobytes()
                say(len(values))
                give.write(values)
                give.flush()


if __name__ == "__main__":
    main()
