#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times training steps and generation in nash, PyTorch and dlib, in turns, on the same cores.

    compare_steps.py build/release/benchmarks/step --python venv/bin/python --json steps.json
    compare_steps.py build/release/benchmarks/step --python venv/bin/python --json steps.json --resume
    compare_steps.py build/release/benchmarks/step --python venv/bin/python --networks mlp --batches 64 --threads 2

Every variant is a process of its own that stays while its contest lasts. In each round all run their steps one after the
other, while the others wait for input; a table shows the median over the rounds of each one's median step, and the median of
the ratios to nash's in the same round. "D frozen" turns the gradients of the discriminator's weights off in the generator's
step, where nash never computes them. PyTorch is skipped where --python has none, and dlib where there is no program dlib_step
beside step. A contender that fails is named with its error, and the others go on; with --resume, contests that --json already
holds whole are not run again.
"""

import argparse
import contextlib
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

DLIB = {"dlib": [], "dlib, D frozen": ["--freeze", "1"]}
EAGER = {"PyTorch eager": [], "PyTorch channels last": ["--channels-last"]}
FROZEN = {name + ", D frozen": flags + ["--freeze"] for name, flags in EAGER.items()}
COMPILED = {"PyTorch compile": ["--compile"], "PyTorch compile, D frozen": ["--compile", "--freeze"],
            "PyTorch compile, channels last, D frozen": ["--compile", "--channels-last", "--freeze"]}
COMPILED_TO_GENERATE = {"PyTorch compile": ["--compile"], "PyTorch compile, channels last": ["--compile", "--channels-last"]}


class Failed(Exception):
    """A contender ended, or said what is no line of the protocol."""


class Player:
    """One process and what it says."""

    def __init__(self, name, command, environment):
        self.name = name
        self.medians = []
        self.errors = tempfile.TemporaryFile()
        self.start = time.monotonic_ns()  # the clock that the programs use as well
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)

    def get_ready(self):
        ready = self.read()
        self.library = ready["library"]
        self.start_to_first_step = (ready["begin_ns"] - self.start) / 1e9
        self.first_step_ms = ready["first_step_ms"]
        self.parameters = ready["parameters"]

    def read(self):
        line = self.process.stdout.readline()
        try:
            return json.loads(line)
        except ValueError:
            if line:
                raise Failed(f"said '{line.strip()}'") from None
        self.process.wait()
        self.errors.seek(0)
        last = self.errors.read().decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise Failed(f"ended with exit code {self.process.returncode}: {last[0]}")

    def play(self):
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # reading says why
        said = self.read()
        self.medians.append(statistics.median(said["milliseconds"]))
        self.peak_memory = said["peak_memory_mib"]
        self.losses = said.get("losses")

    def finish(self):
        """After the last round it says what a step holds in memory."""
        self.process.stdin.close()
        self.step_memory = self.read()["step_memory_mib"]

    def end(self):
        """Whether or not it has finished."""
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.errors.close()


def steps_a_round(network, mode, batch, width):
    """About a second's worth on two cores."""
    cost = {"mlp": 15, "dcgan28": 100, "dcgan28_dense": 150, "dcgan32": 200, "dcgan64": 800, "dcgan128": 3500}[network]  # ms at batch 64
    cost *= batch / 64 * (1 if network == "mlp" else (width / 64) ** 1.7) * (0.1 if mode == "generate" else 1)
    return max(2, min(100, round(1000 / max(cost, 5))))


def same_networks(player, players):
    """A peer whose networks are not nash's would be compared with something else."""
    if player.parameters != players[0].parameters:
        raise Failed(f"has {player.parameters} parameters, and nash has {players[0].parameters}")


def contest(options, network, mode, batch, threads, width, variants):
    print(f"\n{network}, {mode}, batch {batch}, width {width}, {threads} thread{'s' if threads > 1 else ''}", flush=True)
    common = [network, "--mode", mode, "--batch", str(batch), "--threads", str(threads), "--width", str(width), "--rounds", "0", "--steps",
              str(options.steps or steps_a_round(network, mode, batch, width))]
    if mode != "generate" and network in ("dcgan28", "dcgan28_dense", "mlp"):
        common += ["--data", DIGITS]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    limit = ["--instruction-set", options.instruction_set] if options.instruction_set else []
    commands = {"nash": [options.program, *common, *limit]}
    for name, flags in variants.items():
        program = [options.dlib] if name in DLIB else [options.python, os.path.join(HERE, "peers", "torch_step.py")]
        commands[name] = [*program, *common, *flags]

    players, failures = [], {}

    def attempt(player, action):
        """Whether it succeeded; who did not is out."""
        try:
            action()
            return True
        except (Failed, OSError) as error:
            failures[player.name] = str(error)
            print(f"  {player.name} failed: it {error}", flush=True)
            players.remove(player)
            player.end()
            return False

    try:
        for name, command in commands.items():
            player = Player(name, command, environment)
            players.append(player)
            if not attempt(player, lambda: (player.get_ready(), same_networks(player, players))) and name == "nash":
                break
        for _ in range(options.rounds):
            for player in list(players):
                time.sleep(0.1)  # until the threads of the one before sleep
                attempt(player, player.play)
        for player in list(players):
            attempt(player, player.finish)
    finally:
        for player in players:
            player.end()

    key = {"network": network, "mode": mode, "batch": batch, "width": width, "threads": threads}
    if not players or players[0].name != "nash":
        return [{**key, "by": "nash", "failed": failures["nash"]}]
    results = []
    for player in players:
        ratios = [own / nash for own, nash in zip(player.medians, players[0].medians)]
        median = statistics.median(player.medians)
        results.append({**key, "by": player.name, "library": player.library, "median_ms": median, "rounds_ms": player.medians,
                        "time_against_nash": statistics.median(ratios), "images_per_s": 1000 * batch / median,
                        "peak_memory_mib": player.peak_memory, "step_memory_mib": player.step_memory,
                        "start_to_first_step_s": player.start_to_first_step, "first_step_ms": player.first_step_ms,
                        "losses": player.losses, "data": "digits" if "--data" in common else "random"})
        print(f"  {player.name:42} {median:9.2f} ms {results[-1]['time_against_nash']:6.2f} × nash {results[-1]['images_per_s']:9.0f} images/s"
              f" {player.peak_memory:6.0f} MiB, {player.step_memory:6.1f} in a step, first step after {player.start_to_first_step:6.3f} s", flush=True)
    return results + [{**key, "by": name, "failed": error} for name, error in failures.items()]


def available(options, network, mode, width, variants):
    """Those of the variants that there are here and that this network has."""
    if not options.has_torch:
        variants = {}
    if network == "mlp":  # which has no images within
        variants = {name: flags for name, flags in variants.items() if "--channels-last" not in flags}
    return {**variants, **(DLIB if options.dlib and (network, mode, width) == ("dcgan28", "train", 64) else {})}


def plan(options):
    """What is compared: network, mode, batch, threads, width and PyTorch's variants."""
    for network, threads, batch in itertools.product(options.networks, options.threads, options.batches):
        # Compiling takes a minute for each batch, number of threads and variant: the middle batch shows what it is worth.
        compiled = COMPILED if options.compile and batch == 64 else {}
        yield network, "train", batch, threads, 64, {**EAGER, **FROZEN, **compiled}
    if options.wgan_gp:
        for threads, batch in itertools.product(options.threads, options.batches):
            yield "dcgan28", "wgan_gp", batch, threads, 64, EAGER
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


def finished_contests(options, parser):
    """The results of an earlier run, without those of a contest in which something failed."""
    if not os.path.exists(options.json) or os.path.getsize(options.json) == 0:
        return {}
    try:
        with open(options.json) as file:
            figures = json.load(file)
    except (OSError, ValueError) as error:
        parser.error(f"--resume: {options.json}: {error}")
    if figures["rounds"] != options.rounds:
        parser.error(f"--resume: {options.json} is of {figures['rounds']} rounds, not {options.rounds}")
    if figures.get("instruction_set") != options.instruction_set:
        parser.error(f"--resume: {options.json} is of instruction set {figures.get('instruction_set')}, not {options.instruction_set}")
    contests = {}
    for result in figures["results"]:
        contests.setdefault(tuple(result[name] for name in ("network", "mode", "batch", "threads", "width")), []).append(result)
    return {key: results for key, results in contests.items() if not any("failed" in result for result in results)}


def write(options, results):
    temporary = options.json + ".part"
    with open(temporary, "w") as output:
        json.dump({"rounds": options.rounds, "instruction_set": options.instruction_set, "results": results}, output, indent=1)
        output.write("\n")
    os.replace(temporary, options.json)


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
    parser.add_argument("--instruction-set", choices=["baseline", "avx2", "avx512", "amx"], help="of nash, at most (default: the widest)")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="without torch.compile, which takes most of the time")
    parser.add_argument("--no-generate", dest="generate", action="store_false", help="without generation")
    parser.add_argument("--no-scaling", dest="scaling", action="store_false", help="without other widths and sizes")
    parser.add_argument("--no-wgan-gp", dest="wgan_gp", action="store_false", help="without the critic's step of WGAN-GP")
    parser.add_argument("--json", help="write the figures there")
    parser.add_argument("--resume", action="store_true", help="keep the contests that --json already holds")
    options = parser.parse_args()
    if not os.access(options.program, os.X_OK):
        parser.error(f"there is no program {options.program}")
    if options.resume and not options.json:
        parser.error("--resume: expected --json with the figures to go on from")
    kept = finished_contests(options, parser) if options.resume else {}
    if options.json:
        try:
            open(options.json, "a").close()  # now rather than after an hour
        except OSError as error:
            parser.error(f"--json: {error}")

    try:
        options.has_torch = subprocess.run([options.python, "-c", "import torch"], capture_output=True).returncode == 0
    except OSError as error:
        parser.error(f"--python: {error}")
    if not options.has_torch:
        print(f"PyTorch is skipped: {options.python} does not have it. See docs/performance.md.")
    options.dlib = os.path.join(os.path.dirname(os.path.abspath(options.program)), "dlib_step")
    if not os.access(options.dlib, os.X_OK):
        print(f"dlib is skipped: there is no program {options.dlib}. See docs/performance.md.")
        options.dlib = None
    results = []
    for network, mode, batch, threads, width, variants in plan(options):
        variants = available(options, network, mode, width, variants)
        before = kept.pop((network, mode, batch, threads, width), [])
        if before and {"nash", *variants} <= {result["by"] for result in before}:
            results += before
        else:
            results += contest(options, network, mode, batch, threads, width, variants)
        if options.json:  # each time, so that an interrupted run leaves what it has, of earlier runs too
            write(options, results + [result for contest in kept.values() for result in contest])


if __name__ == "__main__":
    main()
