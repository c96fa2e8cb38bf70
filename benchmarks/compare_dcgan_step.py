#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times training steps of a DCGAN in nash and in PyTorch, in turns, on the same cores.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install torch
    cmake --preset release && cmake --build --preset release --target dcgan_step
    /tmp/venv/bin/python benchmarks/compare_dcgan_step.py build/release/benchmarks/dcgan_step

Each round runs every variant once, in a process of its own; the table shows the median over the rounds of each process's
median step, and the ratio to nash's. PyTorch runs eagerly, with its usual layout and with channels last; "D frozen" turns
the discriminator's weight gradients off in the generator's step, which nash never computes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def torch_step(network, batch, steps, channels_last, freeze):
    import torch
    from torch import nn

    torch.manual_seed(1)
    w = 64
    if network == "conv":
        g = nn.Sequential(
            nn.Unflatten(1, (100, 1, 1)),
            nn.ConvTranspose2d(100, 4 * w, 4, bias=False), nn.BatchNorm2d(4 * w), nn.ReLU(True),
            nn.ConvTranspose2d(4 * w, 2 * w, 3, 2, 1, bias=False), nn.BatchNorm2d(2 * w), nn.ReLU(True),
            nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(True),
            nn.ConvTranspose2d(w, 1, 4, 2, 1, bias=False), nn.Tanh())
        d = nn.Sequential(
            nn.Conv2d(1, w, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True),
            nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * w), nn.LeakyReLU(0.2, True),
            nn.Conv2d(2 * w, 4 * w, 3, 2, 1, bias=False), nn.BatchNorm2d(4 * w), nn.LeakyReLU(0.2, True),
            nn.Conv2d(4 * w, 1, 4, bias=False), nn.Flatten())
    else:
        g = nn.Sequential(
            nn.Linear(100, 1024, bias=False), nn.BatchNorm1d(1024), nn.ReLU(True),
            nn.Linear(1024, 49 * 2 * w, bias=False), nn.Unflatten(1, (2 * w, 7, 7)), nn.BatchNorm2d(2 * w), nn.ReLU(True),
            nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(True),
            nn.ConvTranspose2d(w, 1, 4, 2, 1), nn.Tanh())
        d = nn.Sequential(
            nn.Conv2d(1, w, 4, 2, 1), nn.LeakyReLU(0.2, True),
            nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * w), nn.LeakyReLU(0.2, True),
            nn.Flatten(), nn.Linear(49 * 2 * w, 1024, bias=False), nn.BatchNorm1d(1024), nn.LeakyReLU(0.2, True),
            nn.Linear(1024, 1))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    g, d = g.to(memory_format=layout), d.to(memory_format=layout)
    optimiser_g = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999))
    optimiser_d = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999))
    loss = nn.BCEWithLogitsLoss()
    real = (torch.rand(batch, 1, 28, 28) * 2 - 1).to(memory_format=layout)
    ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)

    def step():
        d.requires_grad_(True)
        optimiser_d.zero_grad()
        loss(d(real), ones).backward()
        with torch.no_grad():
            fake = g(torch.randn(batch, 100))
        loss(d(fake), zeros).backward()
        optimiser_d.step()
        if freeze:
            d.requires_grad_(False)
        optimiser_g.zero_grad()
        loss(d(g(torch.randn(batch, 100))), ones).backward()
        optimiser_g.step()

    for _ in range(3):
        step()
    times = []
    for _ in range(steps):
        begin = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - begin))
    print(json.dumps({"median_ms": statistics.median(times), "version": torch.__version__}))


VARIANTS = {
    "nash": None,
    "PyTorch eager": (False, False),
    "PyTorch channels last": (True, False),
    "PyTorch eager, D frozen": (False, True),
    "PyTorch channels last, D frozen": (True, True),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the built dcgan_step")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--torch", nargs=3, metavar=("NETWORK", "LAYOUT", "FREEZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.torch:
        network, layout, freeze = options.torch
        torch_step(network, options.batch, options.steps, layout == "1", freeze == "1")
        return

    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "MKL_NUM_THREADS": str(options.threads)}
    print(f"batch {options.batch}, {options.threads} threads, {options.rounds} rounds of {options.steps} steps; ms a step\n")
    print("| network | variant | median of medians | rounds | against nash |\n|---|---|---|---|---|")
    for network in ("conv", "dense"):
        results = {name: [] for name in VARIANTS}
        for _ in range(options.rounds):
            for name, variant in VARIANTS.items():
                if variant is None:
                    command = [options.program, network, str(options.batch), str(options.steps)]
                else:
                    command = [sys.executable, __file__, options.program, "--steps", str(options.steps), "--batch", str(options.batch),
                               "--torch", network, str(int(variant[0])), str(int(variant[1]))]
                output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
                results[name].append(json.loads(output)["median_ms"])
        reference = statistics.median(results["nash"])
        for name, times in results.items():
            median = statistics.median(times)
            rounds = ", ".join(f"{t:.0f}" for t in times)
            print(f"| {network} | {name} | {median:.1f} | {rounds} | {median / reference:.2f} |", flush=True)


if __name__ == "__main__":
    main()
