#!/usr/bin/python3
"""Writes the figures of a run into docs/PERFORMANCE.md, between its markers; the rest of the page is left as it is.

    write_performance.py VOLUME.json LAYERS.json PAGE.md
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "volume"))
import report  # noqa: E402

BEGIN = "<!-- figures: written by bench/run --update -->"
END = "<!-- end of figures -->"


def code_block(lines):
    return ["```", *lines, "```"]


def worst_ratio(row):
    ratios = [report.ratio(row, peer) for peer in report.FUSE_PEERS]
    found = [pair[0] for pair in ratios if pair is not None]
    ext4 = report.ratio(row, "ext4")
    least = report.OF_EXT4.get(row["kind"])
    if ext4 is not None and least is not None:
        found.append(ext4[0] / least)
    return min(found, default=0)


def command_of(result):
    quick = " --quick" if result["quick"] else ""
    return f"bench/run{quick} --rounds {result['rounds']} --limit {result['limit_seconds']:g} --update"


def busy_lines(result):
    """A warning for the reader if the machine had other work to do."""
    if max(result["load_averages"]) <= 2 * result["machine"]["cpus"]:
        return []
    return ["", "**The machine was not quiet.** Other work took a share of the processors that changed all the time: a "
            "ratio between 0.6 and 1.6 says little here, and absolute figures say nothing. Daemons suffer more from it than "
            "the kernel's ext4, since each of their operations waits for a processor twice."]


def machine_lines(result):
    facts, scale = result["machine"], result["scale"]
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    size = "a quick run" if result["quick"] else "a full run"
    return [f"Measured {result['when']}: {size} of {result['rounds']} round(s), medians. {facts['cpus']} processors "
            f"({facts['cpu']}), {facts['memory_bytes'] / (1 << 30):.0f} GiB of memory, Linux {facts['kernel']}; images of "
            f"{scale['image_size'] / (1 << 30):.0f} GiB on {result['host_file_system']}; {packages}. Load average before "
            f"the run and after each round: {', '.join(f'{load:.1f}' for load in result['load_averages'])}.",
            *busy_lines(result), "", f"Made by `{command_of(result)}`; the mounts by:", "",
            *(f"- {name}: `{command}`" for name, command in result["commands"].items())]


def volume_lines(result):
    names, rows = result["file_systems"], result["rows"]
    lost = sorted((row for row in rows if report.misses(row)), key=worst_ratio)
    judged = [row for row in rows if row["kind"] != "memory"]
    yield from ["## Losses", "", f"{len(lost)} of {len(judged)} rows miss a target, the worst first:", ""]
    yield from code_block(report.aligned([report.header(names), *(report.cells(row, names) for row in lost)]))
    yield from ["", "## All rows", ""]
    yield from code_block([*report.aligned([report.header(names), *(report.cells(row, names) for row in rows)]), "",
                           *report.mean_lines(rows, names)])
    cannot = [f"- {row['group']}/{row['name']}: {name}: {why}" for row in rows for name, why in row["cannot"].items()
              if not (row["kind"] == "memory" and name == "ext4")]
    if cannot:
        yield from ["", "No figure:", "", *cannot]


def layer_lines(result):
    """One line for each: the median of the repetitions, or the only value."""
    chosen = [run for run in result["benchmarks"] if run.get("aggregate_name", "median") == "median"]
    table = [["benchmark", "CPU time", "unit", "a second"]]
    for run in chosen:
        if "bytes_per_second" in run:
            rate = f"{run['bytes_per_second'] / (1 << 30):.1f} GiB"
        else:
            rate = f"{run['items_per_second'] / 1e6:.3g} M"
        table.append([run["run_name"], f"{run['cpu_time']:,.1f}", run["time_unit"], rate])
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for name, time, unit, rate in table:
        yield f"{name:{widths[0]}}  {time:>{widths[1]}} {unit:{widths[2]}}  {rate:>{widths[3]}}"


def main(arguments):
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    volume, layers = (json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments[:2])
    page = Path(arguments[2])
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        print(f"write_performance.py: {page} has no markers to write between: {BEGIN}", file=sys.stderr)
        return 1
    lines = [*machine_lines(volume), "", *volume_lines(volume), "", "## Layers", "", *code_block(layer_lines(layers))]
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
