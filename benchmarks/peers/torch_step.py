#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of compare_steps.py: the same networks, steps, options and lines of JSON as the program step.

    torch_step.py dcgan64 --batch 64 --steps 5 --threads 2 --channels-last --freeze
"""

import argparse
import contextlib
import gzip
import json
import math
import os
import sys
import time


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=["dcgan28", "dcgan28_dense", "dcgan32", "dcgan64", "dcgan128", "mlp"])
    parser.add_argument("--mode", choices=["train", "generate"], default="train")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1, help="0: one for each line of input")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--data", help="folder of 28×28 digits to train on; else the images are random")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--freeze", action="store_true", help="no gradients of the discriminator's weights in the generator's step")
    return parser.parse_args()


options = parse()
import torch  # noqa: E402: a mistaken option need not wait for it
from torch import nn  # noqa: E402


def up(inputs, outputs, kernel=4, stride=2, padding=1, bias=False):
    return nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, bias=bias)


def down(inputs, outputs, kernel=4, stride=2, padding=1, bias=False):
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias)


def normalised(layer, channels, activation, dimensions=2):
    return [layer, (nn.BatchNorm2d if dimensions == 2 else nn.BatchNorm1d)(channels), activation]


def relu():
    return nn.ReLU(True)


def leaky():
    return nn.LeakyReLU(0.2, True)


def networks(name, w):
    """The generator, the discriminator, the number of latents and the shape of an image, as in include/nash/model/."""
    if name == "dcgan28":
        g = nn.Sequential(nn.Unflatten(1, (100, 1, 1)), *normalised(up(100, 4 * w, 4, 1, 0), 4 * w, relu()),
                          *normalised(up(4 * w, 2 * w, 3), 2 * w, relu()), *normalised(up(2 * w, w), w, relu()), up(w, 1), nn.Tanh())
        d = nn.Sequential(down(1, w), leaky(), *normalised(down(w, 2 * w), 2 * w, leaky()),
                          *normalised(down(2 * w, 4 * w, 3), 4 * w, leaky()), down(4 * w, 1, 4, 1, 0), nn.Flatten())
        return g, d, 100, (1, 28, 28)
    if name == "dcgan28_dense":
        g = nn.Sequential(*normalised(nn.Linear(100, 1024, bias=False), 1024, relu(), 1), nn.Linear(1024, 49 * 2 * w, bias=False),
                          nn.Unflatten(1, (2 * w, 7, 7)), nn.BatchNorm2d(2 * w), relu(), *normalised(up(2 * w, w), w, relu()),
                          up(w, 1, bias=True), nn.Tanh())
        d = nn.Sequential(down(1, w, bias=True), leaky(), *normalised(down(w, 2 * w), 2 * w, leaky()), nn.Flatten(),
                          *normalised(nn.Linear(49 * 2 * w, 1024, bias=False), 1024, leaky(), 1), nn.Linear(1024, 1))
        return g, d, 100, (1, 28, 28)
    if name == "mlp":
        g = nn.Sequential(nn.Linear(128, 128), leaky(), *normalised(nn.Linear(128, 256), 256, leaky(), 1),
                          *normalised(nn.Linear(256, 512), 512, leaky(), 1), *normalised(nn.Linear(512, 1024), 1024, leaky(), 1),
                          nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
        d = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), leaky(), nn.Linear(128, 256), leaky(), nn.Dropout(0.2), nn.Linear(256, 512),
                          leaky(), nn.Dropout(0.2), nn.Linear(512, 1024), leaky(), nn.Linear(1024, 1024), leaky(), nn.Linear(1024, 1))
        return g, d, 128, (1, 28, 28)
    size = int(name.removeprefix("dcgan"))
    channels = [w << i for i in range(int(math.log2(size)) - 2)]  # from w up to w·size/8
    g = [nn.Unflatten(1, (100, 1, 1)), *normalised(up(100, channels[-1], 4, 1, 0), channels[-1], relu())]
    d = [down(3, w), leaky()]
    for few, many in zip(channels, channels[1:]):
        g[4:4] = normalised(up(many, few), few, relu())  # deeper stages come first
        d += normalised(down(few, many), many, leaky())
    return (nn.Sequential(*g, up(w, 3), nn.Tanh()), nn.Sequential(*d, down(channels[-1], 1, 4, 1, 0), nn.Flatten()), 100, (3, size, size))


def initialise(module):
    """The DCGAN's; an MLP keeps PyTorch's own, which takes the same time."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        nn.init.normal_(module.weight, 1, 0.02)


def real_images(shape):
    if options.data is None:
        return torch.rand(options.batch, *shape) * 2 - 1
    with gzip.open(os.path.join(options.data, "train-images-idx3-ubyte.gz")) as file:
        pixels = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8, offset=16)
    return (pixels.view(-1, *shape).float() / 127.5 - 1)[torch.randperm(pixels.numel() // math.prod(shape))[:options.batch]]


def training_step(g, d, latents, shape, layout):
    optimiser_g = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999))
    optimiser_d = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999))
    loss = nn.BCEWithLogitsLoss()
    real = real_images(shape).to(memory_format=layout)
    ones, zeros = torch.ones(options.batch, 1), torch.zeros(options.batch, 1)
    run_g, run_d = (torch.compile(g), torch.compile(d)) if options.compile else (g, d)

    def step():
        d.requires_grad_(True)
        optimiser_d.zero_grad()
        loss(run_d(real), ones).backward()
        with torch.no_grad():
            fake = run_g(torch.randn(options.batch, latents))
        loss(run_d(fake), zeros).backward()
        optimiser_d.step()
        d.requires_grad_(not options.freeze)
        optimiser_g.zero_grad()
        loss(run_d(run_g(torch.randn(options.batch, latents))), ones).backward()
        optimiser_g.step()

    return step


def generation_step(g, latents):
    g.eval()
    run = torch.compile(g) if options.compile else g

    def step():
        run(torch.randn(options.batch, latents))

    return step


def peak_memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def say(**values):
    print(json.dumps(values), flush=True)


def main():
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    g, d, latents, shape = networks(options.network, options.width)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    for network in (g, d):
        network.apply(initialise).to(memory_format=layout)
    training = options.mode == "train"
    step = training_step(g, d, latents, shape, layout) if training else generation_step(g, latents)

    with contextlib.nullcontext() if training else torch.inference_mode():
        begin = time.monotonic_ns()
        step()
        say(library="PyTorch " + torch.__version__.split("+")[0], begin_ns=begin, first_step_ms=(time.monotonic_ns() - begin) / 1e6)
        for _ in range(2):
            step()
        for _ in sys.stdin if options.rounds == 0 else range(options.rounds):
            times = []
            for _ in range(options.steps):
                start = time.perf_counter()
                step()
                times.append(1000 * (time.perf_counter() - start))
            say(milliseconds=times, peak_memory_mib=peak_memory())


if __name__ == "__main__":
    main()
