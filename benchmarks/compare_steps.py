#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times training steps and generation in nash and in PyTorch, in turns, on the same cores.

    compare_steps.py build/release/benchmarks/step --python venv/bin/python --json steps.json
    compare_steps.py build/release/benchmarks/step --python venv/bin/python --networks mlp --batches 64 --threads 2

Every variant is a process of its own that stays while its contest lasts. In each round all run their steps one after the
other, while the others wait for input; a table shows the median over the rounds of each one's median step, and the median of
the ratios to nash's in the same round. "D frozen" turns the gradients of the discriminator's weights off in the generator's
step, where nash never computes them. PyTorch is skipped where --python has none.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DIGITS = os.path.join(HERE, "..", "examples", "data")

EAGER = {"PyTorch eager": [], "PyTorch channels last": ["--channels-last"]}
FROZEN = {name + ", D frozen": flags + ["--freeze"] for name, flags in EAGER.items()}
COMPILED = {"PyTorch compile": ["--compile"], "PyTorch compile, D frozen": ["--compile", "--freeze"],
            "PyTorch compile, channels last, D frozen": ["--compile", "--channels-last", "--freeze"]}
COMPILED_TO_GENERATE = {"PyTorch compile": ["--compile"], "PyTorch compile, channels last": ["--compile", "--channels-last"]}


class Player:
    """One process and what it says."""

    def __init__(self, name, command, environment):
        self.name = name
        self.medians = []
        self.errors = tempfile.TemporaryFile()
        start = time.monotonic_ns()  # the clock that the programs use as well
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        ready = self.read()
        self.library = ready["library"]
        self.start_to_first_step = (ready["begin_ns"] - start) / 1e9
        self.first_step_ms = ready["first_step_ms"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            last = self.errors.read().decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise RuntimeError(f"{self.name} ended with exit code {self.process.returncode}: {last[0]}")
        return json.loads(line)

    def play(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        said = self.read()
        self.medians.append(statistics.median(said["milliseconds"]))
        self.peak_memory = said["peak_memory_mib"]

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()


def steps_a_round(network, mode, batch, width):
    """About a second's worth on two cores."""
    cost = {"mlp": 15, "dcgan28": 100, "dcgan28_dense": 150, "dcgan32": 200, "dcgan64": 800, "dcgan128": 3500}[network]  # ms at batch 64
    cost *= batch / 64 * (1 if network == "mlp" else (width / 64) ** 1.7) * (0.1 if mode == "generate" else 1)
    return max(2, min(100, round(1000 / max(cost, 5))))


def contest(options, network, mode, batch, threads, width, variants):
    print(f"\n{network}, {mode}, batch {batch}, width {width}, {threads} thread{'s' if threads > 1 else ''}", flush=True)
    common = [network, "--mode", mode, "--batch", str(batch), "--threads", str(threads), "--width", str(width), "--rounds", "0", "--steps",
              str(options.steps or steps_a_round(network, mode, batch, width))]
    if mode == "train" and network in ("dcgan28", "dcgan28_dense", "mlp"):
        common += ["--data", DIGITS]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    commands = {"nash": [options.program, *common]}
    for name, flags in variants.items():
        if not (network == "mlp" and "--channels-last" in flags):  # which has no images within
            commands[name] = [options.python, os.path.join(HERE, "peers", "torch_step.py"), *common, *flags]

    players = []
    try:
        for name, command in commands.items():
            try:
                players.append(Player(name, command, environment))
            except RuntimeError as error:
                if name == "nash":
                    raise
                print(f"  skipped: {error}", flush=True)
        for _ in range(options.rounds):
            for player in players:
                time.sleep(0.1)  # until the threads of the one before sleep
                player.play()
    finally:
        for player in players:
            player.end()

    results = []
    for player in players:
        ratios = [own / nash for own, nash in zip(player.medians, players[0].medians)]
        median = statistics.median(player.medians)
        results.append({"network": network, "mode": mode, "batch": batch, "width": width, "threads": threads, "by": player.name,
                        "library": player.library, "median_ms": median, "rounds_ms": player.medians,
                        "time_against_nash": statistics.median(ratios), "images_per_s": 1000 * batch / median,
                        "peak_memory_mib": player.peak_memory, "start_to_first_step_s": player.start_to_first_step,
                        "first_step_ms": player.first_step_ms, "data": "digits" if "--data" in common else "random"})
        print(f"  {player.name:42} {median:9.2f} ms {results[-1]['time_against_nash']:6.2f} × nash {results[-1]['images_per_s']:9.0f} images/s"
              f" {player.peak_memory:6.0f} MiB, first step after {player.start_to_first_step:6.3f} s", flush=True)
    return results


def plan(options):
    """What is compared: network, mode, batch, threads, width and PyTorch's variants."""
    for network, threads, batch in itertools.product(options.networks, options.threads, options.batches):
        # Compiling takes a minute for each batch, number of threads and variant: the middle batch shows what it is worth.
        compiled = COMPILED if options.compile and batch == 64 else {}
        yield network, "train", batch, threads, 64, {**EAGER, **FROZEN, **compiled}
    if options.generate:
        for network, threads, batch in itertools.product(options.networks, options.threads, (1, 64)):
            yield network, "generate", batch, threads, 64, {**EAGER, **(COMPILED_TO_GENERATE if options.compile else {})}
    if options.scaling:
        best = {name: flags for name, flags in FROZEN.items() if "channels last" in name}
        for width in (16, 32, 128):  # 64 is above
            yield "dcgan28", "train", 64, max(options.threads), width, best
        for network in ("dcgan32", "dcgan64", "dcgan128"):
            yield network, "train", 16, max(options.threads), 64, best


def positive(text):
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got '{text}'")
    return value


def main():
    known = ["dcgan28", "dcgan28_dense", "dcgan32", "dcgan64", "dcgan128", "mlp"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the built program step")
    parser.add_argument("--python", default=sys.executable, help="a Python that has PyTorch (default: this one)")
    parser.add_argument("--networks", nargs="+", choices=known, default=["dcgan28", "dcgan28_dense", "dcgan64", "mlp"], metavar="NETWORK")
    parser.add_argument("--batches", nargs="+", type=positive, default=[16, 64, 128], metavar="N")
    parser.add_argument("--threads", nargs="+", type=positive, default=sorted({1, os.cpu_count()}), metavar="N")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--steps", type=positive, help="in a round (default: about a second's worth)")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="without torch.compile, which takes most of the time")
    parser.add_argument("--no-generate", dest="generate", action="store_false", help="without generation")
    parser.add_argument("--no-scaling", dest="scaling", action="store_false", help="without other widths and sizes")
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    if not os.access(options.program, os.X_OK):
        parser.error(f"there is no program {options.program}")
    if options.json:
        try:
            open(options.json, "w").close()  # now rather than after an hour
        except OSError as error:
            parser.error(f"--json: {error}")

    try:
        has_torch = subprocess.run([options.python, "-c", "import torch"], capture_output=True).returncode == 0
    except OSError as error:
        parser.error(f"--python: {error}")
    if not has_torch:
        print(f"PyTorch is skipped: {options.python} does not have it. See docs/performance.md.")
    results = []
    for network, mode, batch, threads, width, variants in plan(options):
        results += contest(options, network, mode, batch, threads, width, variants if has_torch else {})
        if options.json:  # each time, so that an interrupted run leaves what it has
            with open(options.json, "w") as output:
                json.dump({"rounds": options.rounds, "results": results}, output, indent=1)
                output.write("\n")


if __name__ == "__main__":
    main()
