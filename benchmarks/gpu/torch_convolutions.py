#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The convolutions that `speed kernels` times, by PyTorch's cuDNN on a GPU, as rows of a Markdown table: TFLOP/s of each direction.

    speed cases >cases.txt; torch_convolutions.py cases.txt

With channels last and TF32, cuDNN's algorithm chosen by trying (torch.backends.cudnn.benchmark). The median of nine measurements, in each
of which 20 calls run as one CUDA graph, so that it is the GPU that is timed.
"""

import statistics
import sys
import time

import torch

CALLS = 20


def seconds(call):
    for _ in range(3):  # cuDNN tries its algorithms
        call()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(CALLS):
            call()

    def timed(repeats):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(repeats):
            graph.replay()
        torch.cuda.synchronize()
        return (time.perf_counter() - begin) / repeats

    timed(3)
    repeats = min(1000, max(5, int(1e-3 / timed(3))))
    return statistics.median(timed(repeats) for _ in range(9)) / CALLS


def tensor(*shape):
    return torch.randn(*shape, device="cuda").to(memory_format=torch.channels_last)


def main():
    torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    print(f"Convolutions by cuDNN {torch.backends.cudnn.version()} in PyTorch {torch.__version__}, channels last, algorithms chosen by trying:\n")
    print("| convolution | forward, TFLOP/s | backward_data | backward_weights |\n|---|---|---|---|", flush=True)
    with open(sys.argv[1]) as cases:
        lines = cases.readlines()
    for line in lines:
        name, *sizes = line.split()
        n, h, w, c, o, r, s, stride_h, stride_w, padding_h, padding_w = map(int, sizes)
        stride, padding = (stride_h, stride_w), (padding_h, padding_w)
        x, weight = tensor(n, c, h, w), tensor(o, c, r, s)
        y = torch.nn.functional.conv2d(x, weight, None, stride, padding)
        dy = torch.randn_like(y)

        def backward(mask):
            return torch.ops.aten.convolution_backward(dy, x, weight, None, stride, padding, (1, 1), False, (0, 0), 1, mask)

        times = [seconds(lambda: torch.nn.functional.conv2d(x, weight, None, stride, padding)),
                 seconds(lambda: backward([True, False, False])), seconds(lambda: backward([False, True, False]))]
        work = 2e-12 * y.numel() * c * r * s  # multiplications and additions, those with padding included
        print(f"| {name} | " + " | ".join(f"{work / t:.2f}" for t in times) + " |", flush=True)


if __name__ == "__main__":
    main()
