#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The training steps that `speed steps` times, by PyTorch on a GPU, as rows of a Markdown table: medians in milliseconds.

    torch_steps.py eager      as it is; with channels last and TF32; and with the whole step as one CUDA graph as well
    torch_steps.py compile    with torch.compile as well

Each is a run of benchmarks/peers/torch_step.py, all of them in this one process, since importing PyTorch takes longer than most.
"""

import argparse
import contextlib
import io
import json
import os
import runpy
import statistics
import sys
import traceback

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers", "torch_step.py")
QUICK = ["--channels-last", "--tf32"]


def milliseconds(network, mode, batch, more, options):
    """The median as text, or that there is none, with the reason on the error stream."""
    output = io.StringIO()
    sys.argv = [PROGRAM, network, "--mode", mode, "--device", options.device, "--batch", str(batch), "--steps", str(options.steps), *more]
    try:
        with contextlib.redirect_stdout(output):
            runpy.run_path(PROGRAM, run_name="__main__")
        lines = [json.loads(line) for line in output.getvalue().splitlines()]
        return "%.3f" % statistics.median(next(line["milliseconds"] for line in lines if "milliseconds" in line))
    except (Exception, SystemExit):  # one cell that is empty must not end the table
        traceback.print_exc()
        return "none (see the log)"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("how", choices=["eager", "compile"])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--networks", nargs="+", default=["dcgan28", "dcgan64"])
    options = parser.parse_args()

    columns = {"eager": [], "channels last, TF32": QUICK, "as one CUDA graph": [*QUICK, "--graph"]} if options.how == "eager" else {"torch.compile, channels last, TF32": [*QUICK, "--compile"]}
    print(f"PyTorch, the median of {options.steps} steps, in milliseconds:\n")
    print("| step | batch | " + " | ".join(columns) + " |\n|---|---|" + "---|" * len(columns), flush=True)
    # torch.compile has no second derivatives, which WGAN-GP takes.
    for mode in ["train", "wgan_gp"] if options.how == "eager" else ["train"]:
        for network in options.networks:
            for batch in options.batches:
                cells = [milliseconds(network, mode, batch, more, options) for more in columns.values()]
                if options.how == "compile":
                    sys.modules["torch"]._dynamo.reset()  # else what it compiled before counts against its limit
                name = network + (", WGAN-GP's critic" if mode == "wgan_gp" else "")
                print(f"| {name} | {batch} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
