#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of compare_steps.py: the same networks, steps, options and lines of JSON as the program step.

    torch_step.py dcgan64 --batch 64 --steps 5 --threads 2 --channels-last --freeze

The mode wgan_gp is the critic's step of WGAN-GP (Gulrajani et al. 2017, algorithm 1, without the generator's update): the
discriminator without its BatchNorm on a real and a generated batch, and the penalty on one between them.
"""

import argparse
import contextlib
import gzip
import itertools
import json
import math
import os
import sys
import time


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=["dcgan28", "dcgan28_dense", "dcgan32", "dcgan64", "dcgan128", "mlp"])
    parser.add_argument("--mode", choices=["train", "wgan_gp", "generate"], default="train")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1, help="0: one for each line of input")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--data", help="folder of 28×28 digits to train on; else the images are random")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--graph", action="store_true", help="on a GPU: the whole step captured once as a CUDA graph")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--tf32", action="store_true", help="on a GPU: products rounded to TF32")
    parser.add_argument("--freeze", action="store_true", help="no gradients of the discriminator's weights in the generator's step")
    chosen = parser.parse_args()
    if chosen.compile and chosen.mode == "wgan_gp":
        parser.error("--compile: torch.compile has no second derivatives, which --mode wgan_gp takes")
    if chosen.graph and (chosen.device == "cpu" or chosen.mode == "generate" or chosen.compile):
        parser.error("--graph: is for training steps on a GPU, without --compile")
    return chosen


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
    images = pixels.to(options.device).view(-1, *shape)
    return (images.float() / 127.5 - 1)[torch.randperm(len(images))[:options.batch]]


def captured(step):
    """The step as a CUDA graph, after some runs in a stream of its own, as PyTorch's documentation asks for."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        values = step()

    def replay():
        graph.replay()
        return values

    return replay


def reported(step, losses):
    """The step, captured if it is to be, and then the losses of its values as numbers, of the discriminator and the generator."""
    run = captured(step) if options.graph else step
    return lambda: losses(*(value.item() for value in run()))


def training_step(g, d, latents, shape, layout):
    optimiser_g = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999), capturable=options.graph)
    optimiser_d = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999), capturable=options.graph)
    loss = nn.BCEWithLogitsLoss()
    real = real_images(shape).to(memory_format=layout)
    ones, zeros = torch.ones(options.batch, 1), torch.zeros(options.batch, 1)
    run_g, run_d = (torch.compile(g), torch.compile(d)) if options.compile else (g, d)

    def step():
        d.requires_grad_(True)
        optimiser_d.zero_grad()
        real_term = loss(run_d(real), ones)
        real_term.backward()
        with torch.no_grad():
            fake = run_g(torch.randn(options.batch, latents))
        fake_term = loss(run_d(fake), zeros)
        fake_term.backward()
        optimiser_d.step()
        d.requires_grad_(not options.freeze)
        optimiser_g.zero_grad()
        g_loss = loss(run_d(run_g(torch.randn(options.batch, latents))), ones)
        g_loss.backward()
        optimiser_g.step()
        return real_term, fake_term, g_loss

    return reported(step, lambda real_term, fake_term, g_loss: (real_term + fake_term, g_loss))


def without_batch_norm(d):
    return nn.Sequential(*(layer for layer in d if not isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))))


def critic_step(g, d, latents, shape, layout):
    optimiser = torch.optim.Adam(d.parameters(), 1e-4, (0.0, 0.9), capturable=options.graph)
    real = real_images(shape).to(memory_format=layout)

    def step():
        optimiser.zero_grad()
        with torch.no_grad():
            fake = g(torch.randn(options.batch, latents))
        between = torch.lerp(fake, real, torch.rand(options.batch, 1, 1, 1)).requires_grad_(True)
        slopes, = torch.autograd.grad(d(between).sum(), between, create_graph=True)
        penalty = 10 * ((slopes.flatten(1).norm(dim=1) - 1) ** 2).mean()
        loss = d(fake).mean() - d(real).mean() + penalty
        loss.backward()
        optimiser.step()
        return (loss,)

    return reported(step, lambda loss: (loss, 0))


def generation_step(g, latents):
    g.eval()
    run = torch.compile(g) if options.compile else g

    def step():
        run(torch.randn(options.batch, latents))

    return step


def step_memory(step):
    """MiB that the tensors of a step take at most beside those that last, as PyTorch's profiler sees them: without what oneDNN and MKL
    allocate for themselves. The profiler does not see what was allocated before it: only in the second step do old gradients go."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
        with torch.profiler.record_function("second step"):
            step()
    events = sorted(profile.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    begin = next(event.start_ns() for event in events if event.name() == "second step")
    changes = [event.nbytes() for event in events if event.name() == "[memory]" and event.start_ns() >= begin]
    return max(itertools.accumulate(changes, initial=0)) / 2**20


def peak_memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def say(**values):
    print(json.dumps(values), flush=True)


def wait():
    """A GPU is done later than it is asked."""
    if options.device != "cpu":
        torch.cuda.synchronize()


def main():
    torch.set_num_threads(options.threads)
    torch.set_default_device(options.device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = options.tf32
    torch.manual_seed(1)
    g, d, latents, shape = networks(options.network, options.width)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    if options.mode == "wgan_gp":
        d = without_batch_norm(d)
    for network in (g, d):
        network.apply(initialise).to(memory_format=layout)
    training = {"train": training_step, "wgan_gp": critic_step}.get(options.mode)
    step = training(g, d, latents, shape, layout) if training else generation_step(g, latents)

    with contextlib.nullcontext() if training else torch.inference_mode():
        begin = time.monotonic_ns()
        step()
        wait()
        first_step_ms = (time.monotonic_ns() - begin) / 1e6
        for _ in range(2):
            step()  # before the line, which says that others may have the cores
        wait()
        say(library="PyTorch " + torch.__version__.split("+")[0], begin_ns=begin, first_step_ms=first_step_ms,
            parameters=[sum(p.numel() for p in network.parameters()) for network in (g, d)])
        for _ in sys.stdin if options.rounds == 0 else range(options.rounds):
            times = []
            for _ in range(options.steps):
                start = time.perf_counter()
                losses = step()
                wait()
                times.append(1000 * (time.perf_counter() - start))
            say(milliseconds=times, peak_memory_mib=peak_memory(), **({"losses": losses} if losses else {}))
        say(step_memory_mib=step_memory(step))


if __name__ == "__main__":
    main()
