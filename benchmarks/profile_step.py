#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says where the time of training steps goes, as a table in Markdown: a row for each kind of work, a column for each network.

    profile_step.py build/release/benchmarks/step dcgan28 mlp --batch 64 --threads 2
    profile_step.py build/release/benchmarks/step dcgan28 --beside 'build/release/examples/mnist_dcgan --steps 200'

Linux's perf takes samples of the program step (Debian: apt install linux-perf), which has one batch in memory, and of other programs as
they are, which read data too; what a function does is told from its name.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile

# The first expression that a function's library and name match says what it does. Of a map or a sum the name has the functor, of other
# functions it stands without what they are templates of.
KINDS = [
    ("waiting for the other threads", r"^lib[gi]?omp"),
    ("the optimiser and the average", r"(Adam|Sgd|RmsProp)Update|MoveAverage"),
    ("random numbers and dropout", r"Fill(Normal|Uniform|TruncatedNormal)|OneOfFour|\bDrop<"),
    ("normalisation, with the activation after it", r"Normaliz|CentredSquares|VarianceFromSums|InverseDeviation|MoveRunning|ShiftAndScale|ScaleChannels|SecondOrder"),
    ("products of vectors", r"MatrixVector"),
    ("activations, losses, sums and other maps", r"run_(baseline|avx2|avx512)|^libm\b"),
    ("data", r"Loader|Dataset|read_idx|inflate|^libz"),
    ("operands and results of products: packing, splitting, the maps of minimal filtering",
     r"pack|split_|gather_|put_|place_filters|panel|transpose_|Winograd|apply_(constant_)?map|FilteringLayout|FilteringGroup|GridPixels|GivenPixels|PaddedRows|"
     r"WindowStrips|Operand|add_to_totals|add_partial|sum_products|MatrixOutput|ResultRows|(Matrix|Transposed|Window)(Rows|Columns)|PackedFilters|PhaseFilters|LineTiles|Epilogue"),
    ("convolutions with few channels, besides products", r"ThinConvolution"),
    ("products", r"multiply|Product|Sweep|SplitConvolution|add_product|TileRegisters|Kernels|BackwardPhase|for_ranges|Cut\b|Windows|Axis|ThreadMemory|run_task"),
    ("the operating system, and memory that is cleared or copied", r"^\[kernel|^\[unknown|memset|memmove|memcpy"),
]
REST = "the rest"


def without_templates(name):
    """nash::cpu::Winograd<float>::map_tile(…) → nash::cpu::Winograd::map_tile()"""
    while (shorter := re.sub(r"<[^<>]*>|\([^()]+\)", "", name)) != name:
        name = shorter
    return name


def kind_of(library, function):
    name = function if re.search(r"\brun_(baseline|avx2|avx512)<", function) else without_templates(function)
    return next((kind for kind, pattern in KINDS if re.search(pattern, f"{library} {name}")), REST)


def fail(message):
    print(f"profile_step.py: {message}", file=sys.stderr)
    sys.exit(2)


def run(command, **options):
    try:
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout
    except FileNotFoundError:
        fail(f"there is no program '{command[0]}'. perf is Debian's package linux-perf.")
    except subprocess.CalledProcessError as error:
        fail(f"{' '.join(command[:2])} failed with exit code {error.returncode}")


def shares(perf, step):
    """Kind of work → share of all samples."""
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        run([perf, "record", "-q", "-F", "499", "-o", data, *step])
        lines = run([perf, "report", "-i", data, "--stdio", "--no-children", "-F", "overhead,dso,symbol"], stderr=subprocess.DEVNULL).splitlines()
    found = {}
    for line in lines:
        sample = re.match(r"\s*([0-9.]+)%\s+(\S+)\s+\[.\]\s+(.*)", line)
        if sample:
            kind = kind_of(sample[2], sample[3])
            found[kind] = found.get(kind, 0) + float(sample[1])
    if not found:
        fail("perf took no samples")
    total = sum(found.values())
    return {kind: share / total for kind, share in found.items()}


def at_least_one(text):
    if not re.fullmatch("[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got '{text}'")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", help="the program step")
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--batch", type=at_least_one, default="64")
    parser.add_argument("--threads", type=at_least_one, default=str(os.cpu_count()))
    parser.add_argument("--steps", type=at_least_one, default="100")
    parser.add_argument("--mode", default="train")
    parser.add_argument("--data", help="a folder of digits, for networks of 28×28 pixels (default: random images)")
    parser.add_argument("--instruction-set")
    parser.add_argument("--beside", metavar="COMMAND", action="append", default=[], help="another program, in a column of its own")
    parser.add_argument("--perf", default="perf")
    options = parser.parse_args()
    more = [*(["--data", options.data] if options.data else []), *(["--instruction-set", options.instruction_set] if options.instruction_set else [])]
    commands = {network: [options.step, network, "--batch", options.batch, "--threads", options.threads, "--steps", options.steps,
                          "--mode", options.mode, *more] for network in options.networks}
    for line in options.beside:
        words = shlex.split(line) or parser.error("--beside: expected a command, got nothing")
        name = os.path.basename(words[0])
        while name in commands:
            name += " again"
        commands[name] = words
    columns = [shares(options.perf, command) for command in commands.values()]
    kinds = sorted({kind for column in columns for kind in column}, key=lambda kind: (kind == REST, -sum(column.get(kind, 0) for column in columns)))
    print("| share of the time, % | " + " | ".join(f"`{name}`" for name in commands) + " |")
    print("|" + "---|" * (1 + len(columns)))
    for kind in kinds:
        print(f"| {kind} | " + " | ".join(f"{100 * column.get(kind, 0):.1f}" for column in columns) + " |")


if __name__ == "__main__":
    main()
