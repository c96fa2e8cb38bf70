#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the figures of kernels and compare_steps.py into the tables and charts of docs/performance.md.

    report.py FOLDER --charts docs/images --tables docs/performance-tables.md

reads FOLDER/kernels-*.json (one for each number of threads) and FOLDER/steps.json, writes FOLDER/tables.md or what --tables says,
and with --charts draws pictures there; that takes gnuplot.
"""

import argparse
import glob
import json
import math
import os
import shutil
import statistics
import subprocess
import sys

DIRECTIONS = ["forward", "backward_data", "backward_weights"]


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def threads_of(count):
    return f"{count} thread" + ("s" if count > 1 else "")


class Kernels:
    """The figures of one run of the program kernels."""

    def __init__(self, figures):
        self.figures = figures
        self.threads = figures["threads"]
        self.results = {}
        for result in figures["results"]:
            self.results.setdefault((result["kind"], result["case"], result["direction"]), []).append(result)

    def cases(self, kind):
        return list(dict.fromkeys(case for k, case, _ in self.results if k == kind))

    def of(self, kind, case, direction):
        """nash's result and the best one of each library beside it."""
        results = self.results.get((kind, case, direction))
        if not results:
            return None, {}
        peers = {}
        for result in results[1:]:
            library = result["by"].split()[0]
            if library not in peers or result["time_against_nash"] < peers[library]["time_against_nash"]:
                peers[library] = result
        return results[0], peers

    def cell(self, kind, case, direction):
        nash, peers = self.of(kind, case, direction)
        if nash is None:
            return ""
        ratios = ", ".join(f"{name} {peer['time_against_nash']:.2f}×" for name, peer in peers.items())
        return f"{nash['median_ms']:.3g} ms, {100 * nash['share_of_peak']:.0f} %" + (f"; {ratios}" if ratios else "")

    def map_cell(self, case, kernel):
        nash, _ = self.of("map", case, kernel)
        return f"{nash['median_ms']:.3g} ms, {100 * nash['share_of_memory']:.0f} %" if nash else ""

    def summary(self, what, keys):
        """The geometric means over some cases and directions, and the worst of them."""
        found = [(self.of(*key), key) for key in keys if key in self.results]
        if not found:
            return ""
        shares = [(nash["share_of_peak"], f"{key[1]} {key[2]}") for (nash, _), key in found]
        text = f"- {what}: {100 * geometric_mean(s for s, _ in shares):.0f} % of the peak (geometric mean; the least {100 * min(shares)[0]:.0f} %, {min(shares)[1]})"
        for library in dict.fromkeys(name for (_, peers), _ in found for name in peers):
            ratios = [peers[library]["time_against_nash"] for (_, peers), _ in found if library in peers]
            text += f"; {library} takes {geometric_mean(ratios):.2f} times as long (least {min(ratios):.2f})"
        return text + "\n"

    def text(self):
        f = self.figures
        peers = ", ".join(f"{name} {version}" if version else f"no {name}" for name, version in f["peers"].items())
        parts = [f"### Kernels, {threads_of(self.threads)}\n\n{f['processor']}, {f['instruction_set']}, {f['compiler']}; {peers}. "
                 f"FMA peak {f['peak_gflops']:.0f} GFLOP/s, memory {f['bandwidth_gb_per_s']:.0f} GB/s. Each cell: nash's time, its share of the "
                 "peak, and how many times as long others take.\n\n"]
        if self.cases("conv2d"):
            parts.append(table(["convolution", *DIRECTIONS],
                               [[f"`{case}`", *(self.cell("conv2d", case, d) for d in DIRECTIONS)] for case in self.cases("conv2d")]) + "\n")
        layers = [case for case in self.cases("gemm") if not case.startswith("square:")]
        if layers:
            parts.append(table(["fully connected", *DIRECTIONS],
                               [[f"`{case}`", *(self.cell("gemm", case, d) for d in DIRECTIONS)] for case in layers]) + "\n")
        squares = [case for case in self.cases("gemm") if case.startswith("square:")]
        if squares:
            parts.append(table(["product", ""], [[f"`{case}`", self.cell("gemm", case, "product")] for case in squares]) + "\n")
        if self.cases("map"):
            parts.append("Maps and sums: time, and the share of the memory's rate; beyond it, from a cache.\n\n")
            kernels = list(dict.fromkeys(direction for kind, _, direction in self.results if kind == "map"))
            parts.append(table(["map or sum", *(f"`{case}`" for case in self.cases("map"))],
                               [[kernel, *(self.map_cell(case, kernel) for case in self.cases("map"))] for kernel in kernels]) + "\n")
        thin = [c for c in self.cases("conv2d") if ":d1" in c]
        wide = [c for c in self.cases("conv2d") if c.split(":")[1].split(",")[0] in ("d2", "d3", "3x3") or c == "dcgan64:d4,g2"]
        parts.append(self.summary("large products", [("gemm", case, "product") for case in squares]))
        parts.append(self.summary("convolutions with at least 64 channels on both sides", [("conv2d", c, d) for c in wide for d in DIRECTIONS]))
        for direction in DIRECTIONS:
            parts.append(self.summary(f"convolutions to or from 1 or 3 channels, {direction}", [("conv2d", c, direction) for c in thin]))
        return "".join(parts) + "\n"


def step_cells(r):
    if "failed" in r:
        return [f"failed: it {r['failed']}".replace("|", "\\|"), *[""] * 5]
    return [f"{r['median_ms']:.4g}", f"{r['time_against_nash']:.2f}", f"{r['images_per_s']:.0f}", f"{r['step_memory_mib']:.1f}",
            f"{r['peak_memory_mib']:.0f}", f"{r['start_to_first_step_s']:.3f}"]


def step_tables(figures):
    """Training and generation: a row for each contender; how cost grows: a row for each network, width and batch."""
    results = figures["results"]
    main = [r for r in results if r["width"] == 64 and not (r["network"] in ("dcgan32", "dcgan128"))]
    text = ""
    limit = f" nash in {figures['instruction_set']}." if figures.get("instruction_set") else ""
    libraries = ", ".join(dict.fromkeys(r["library"] for r in results if "library" in r and r["by"] != "nash"))
    for mode, title in (("train", "Training steps"), ("wgan_gp", "Steps of WGAN-GP's critic"), ("generate", "Generation")):
        rows = [[f"`{r['network']}`", r["batch"], r["threads"], r["by"], *step_cells(r)] for r in main if r["mode"] == mode]
        if rows:
            text += f"### {title}\n\n{libraries + '. ' if libraries else ''}Medians of {figures['rounds']} rounds in turns.{limit}\n\n"
            text += table(["network", "batch", "threads", "by", "ms", "time against nash's", "images/s", "memory of a step, MiB",
                           "peak of the process, MiB", "s from start to first step"], rows) + "\n"
    results = [r for r in results if "failed" not in r]
    if any(r["width"] != 64 or r["network"] in ("dcgan32", "dcgan128") for r in results):
        text += "### How cost grows\n\n"
        most = max(r["threads"] for r in results)
        rows = []
        for key in dict.fromkeys((r["network"], r["width"], r["batch"]) for r in results if r["mode"] == "train" and r["threads"] == most):
            same = [r for r in results if (r["network"], r["width"], r["batch"], r["threads"], r["mode"]) == (*key, most, "train")]
            others = [r for r in same if r["by"] != "nash"]
            best = min(others, key=lambda r: r["time_against_nash"]) if others else None
            rows.append([f"`{key[0]}`", key[1], key[2], f"{same[0]['median_ms']:.4g}", f"{same[0]['median_ms'] / key[2]:.3g}",
                         f"{best['time_against_nash']:.2f} ({best['by']})" if best else ""])
        text += table(["network", "width", "batch", "nash, ms", "ms an image", "the quickest PyTorch measured beside it, times as long"],
                      sorted(rows, key=lambda row: (row[0], row[1], row[2]))) + "\n"
    return text


def plot(path, program):
    """Runs gnuplot, and replaces the picture only when it is whole."""
    temporary = path + ".part"
    with open(path + ".log", "w+") as log:
        done = subprocess.run(["gnuplot"], input=f"set output '{temporary}'\n{program}\nunset output\n", text=True, stderr=log)
        log.seek(0)
        errors = log.read()
    os.remove(path + ".log")
    if done.returncode != 0:
        sys.exit(f"report.py: gnuplot failed on {path}:\n{errors}")
    os.replace(temporary, path)


STYLE = """set border 3
set tics nomirror out
set style data histograms
set style histogram clustered gap 1
set style fill solid noborder
set grid ytics lc rgb '#dddddd'
set xtics rotate by -35 font ',10'
set yrange [0:*]
"""
COLOURS = ["#1f4e9c", "#c8501e", "#8c8c8c", "#d9a441", "#5b8f4a", "#8a5aa8", "#3a9aa8", "#2b2b2b", "#c06c94", "#b8c46a"]


def block(name, lines):
    return f"${name} << END\n" + "\n".join(lines) + "\nEND\n"


def draw_kernels(kernels, path):
    cases = [c for c in kernels.cases("conv2d") if kernels.of("conv2d", c, "forward")[0]]
    beside = [name for name in ("oneDNN", "PyTorch") if kernels.figures["peers"].get(name)]
    program = "set terminal svg size 1000,900 font 'sans,12' background 'white'\n" + STYLE
    for direction in DIRECTIONS:
        lines = []
        for case in cases:
            nash, peers = kernels.of("conv2d", case, direction)
            if nash:
                shares = [100 * r["share_of_peak"] if r else "NaN" for r in (nash, *map(peers.get, beside))]
                lines.append(f'"{case}" ' + " ".join(map(str, shares)))
        program += block(direction, lines)
    program += f"set multiplot layout 3,1 title 'Share of the FMA peak, per cent, {threads_of(kernels.threads)}' font ',14'\nset key at graph 1,1.22 right horizontal Left reverse samplen 1\n"
    for direction in DIRECTIONS:
        program += (f"set title '{direction.replace('_', ' ')}' offset 0,-0.5\n"
                    f"plot ${direction} using 2:xtic(1) title 'nash' lc rgb '{COLOURS[0]}'" +
                    "".join(f", '' using {i + 3} title '{name}' lc rgb '{COLOURS[2 + i]}'" for i, name in enumerate(beside)) + "\n")
    plot(path, program + "unset multiplot")


def draw_roofline(kernels, path):
    peak, bandwidth = kernels.figures["peak_gflops"], kernels.figures["bandwidth_gb_per_s"]
    groups = {}
    for (kind, _, direction), results in kernels.results.items():
        if kind == "map":
            continue
        for result in results[:1] + [r for r in results[1:] if r["by"] == "oneDNN"]:
            what = kind if kind == "gemm" else direction.replace("_", " ")
            groups.setdefault((result["by"], what), []).append(f"{result['operations'] / result['bytes']} {result['gflops']}")
    program = ("set terminal svg size 1000,600 font 'sans,12' background 'white'\nset logscale xy\nset border 3\nset tics nomirror out\n"
               "set grid lc rgb '#dddddd'\nset key bottom right Left reverse\nset xrange [1:*]\n"
               f"set yrange [1:{1.5 * peak}]\n"
               "set xlabel 'operations for each byte that has to move at least'\nset ylabel 'GFLOP/s'\n"
               f"set title 'Roofline, {threads_of(kernels.threads)}: {peak:.0f} GFLOP/s, {bandwidth:.0f} GB/s' font ',14'\n"
               f"roof(x) = {bandwidth} * x < {peak} ? {bandwidth} * x : {peak}\n")
    plots = ["roof(x) with lines lw 2 lc rgb '#444444' title 'limit of the machine'"]
    points = {"forward": 7, "backward data": 9, "backward weights": 5, "gemm": 13}
    for i, ((by, what), lines) in enumerate(groups.items()):
        program += block(f"group{i}", lines)
        plots.append(f"$group{i} with points pt {points[what]} ps 1 lc rgb '{COLOURS[0 if by == 'nash' else 2]}' title '{by}, {what}'")
    plot(path, program + "plot " + ", ".join(plots))


def draw_steps(figures, path):
    results = [r for r in figures["results"] if "failed" not in r]
    most = max((r["threads"] for r in results), default=0)
    chosen = [r for r in results if (r["mode"], r["batch"], r["threads"], r["width"]) == ("train", 64, most, 64)]
    if not chosen:
        return False
    names = list(dict.fromkeys(r["by"] for r in chosen))
    lines = []
    for network in dict.fromkeys(r["network"] for r in chosen):
        ratios = {r["by"]: r["time_against_nash"] for r in chosen if r["network"] == network}
        lines.append(" ".join([f'"{network}"', *(str(ratios.get(name, "NaN")) for name in names)]))
    program = ("set terminal svg size 1000,500 font 'sans,12' background 'white' noenhanced\n" + STYLE + block("steps", lines) +
               f"set xtics norotate font ',12'\nset key outside below horizontal left Left reverse samplen 1 maxcols 4\nset arrow from graph 0, first 1 to graph 1, first 1 nohead dt 2 lc rgb '#444444' front\nset title 'Time of a training step against nash, batch 64, {threads_of(most)}' font ',14'\n")
    plots = [f"{'$steps' if i == 0 else repr('')} using {i + 2}:xtic(1) title '{name}' lc rgb '{COLOURS[i % len(COLOURS)]}'" for i, name in enumerate(names)]
    plot(path, program + "plot " + ", ".join(plots))
    return True


def read(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, json.JSONDecodeError) as error:
        sys.exit(f"report.py: {path}: {error}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--charts", help="folder for pictures")
    parser.add_argument("--tables", help="file for the tables (default: tables.md in the folder)")
    options = parser.parse_args()
    kernels = [Kernels(read(path)) for path in sorted(glob.glob(os.path.join(options.folder, "kernels-*.json")))]
    kernels = [k for k in kernels if k.results]
    steps_path = os.path.join(options.folder, "steps.json")
    steps = read(steps_path) if os.path.exists(steps_path) else None
    if not kernels and not steps:
        parser.error(f"there is neither kernels-*.json with results nor steps.json in {options.folder}")

    tables = options.tables or os.path.join(options.folder, "tables.md")
    with open(tables, "w") as file:
        file.write("\n".join([step_tables(steps)] if steps else []) + "".join(k.text() for k in kernels))
    print(f"written: {tables}")
    if options.charts is None:
        return
    if shutil.which("gnuplot") is None:
        sys.exit("report.py: charts take gnuplot; on Debian: apt install gnuplot-nox")
    os.makedirs(options.charts, exist_ok=True)
    drawn = []
    for k in kernels:
        if k.cases("conv2d"):
            draw_kernels(k, os.path.join(options.charts, f"kernels-{k.threads}.svg"))
            drawn.append(f"kernels-{k.threads}.svg")
        draw_roofline(k, os.path.join(options.charts, f"roofline-{k.threads}.svg"))
        drawn.append(f"roofline-{k.threads}.svg")
    if steps and draw_steps(steps, os.path.join(options.charts, "steps.svg")):
        drawn.append("steps.svg")
    print(f"drawn in {options.charts}: {', '.join(drawn)}")


if __name__ == "__main__":
    main()
