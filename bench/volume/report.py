"""Turns the JSON of a run into a table of figures and ratios, and says which targets are missed."""

import math
import statistics

LOWER_IS_BETTER = ("s", "MiB")
OF_EXT4 = {"kernel": 1 / 2, "crossing": 1 / 4}
GEOMETRIC_MEAN_OF_FUSE2FS = 2.0
FUSE_PEERS = ("fuse2fs", "ntfs-3g")


def figure(row, name):
    """The median figure of a file system in a row, in the row's unit; None if there is none."""
    samples = row["samples"].get(name, [])
    if not samples:
        return None
    values = [sample["seconds"] / sample["amount"] for sample in samples]
    median = statistics.median(values)
    return median if row["unit"] in LOWER_IS_BETTER else 1 / median


def ratio(row, peer):
    """(how many times as fast as the peer Spindle is, whether it is at least that); None if one has no figure."""
    own, other = figure(row, "spindle"), figure(row, peer)
    if own is None:
        return None
    if other is not None:
        return (other / own if row["unit"] in LOWER_IS_BETTER else own / other), False
    if peer in row["stopped_after"]:
        seconds = statistics.median(sample["seconds"] for sample in row["samples"]["spindle"])
        return row["stopped_after"][peer] / seconds, True
    return None


def misses(row):
    """The targets that this row misses, each in a few words."""
    if row["kind"] == "memory":
        return []
    if figure(row, "spindle") is None:
        return ["failed"] if "spindle" in row["cannot"] else []
    missed = []
    for peer in FUSE_PEERS:
        found = ratio(row, peer)
        if found is not None and found[0] < 1:
            missed.append(f"slower than {peer}")
    found = ratio(row, "ext4")
    least = OF_EXT4.get(row["kind"])
    if found is not None and least is not None and found[0] < least:
        missed.append(f"below {least:g} of ext4")
    return missed


def geometric_mean(rows, peer):
    found = [ratio(row, peer) for row in rows if row["kind"] != "memory"]
    logs = [math.log(pair[0]) for pair in found if pair is not None and pair[0] > 0]
    return math.exp(statistics.fmean(logs)) if logs else None


def number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.1g}"


def times(pair):
    if pair is None:
        return "-"
    value, at_least = pair
    text = f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return (">" if at_least else "") + text


def shown_figure(row, name):
    if name in row["stopped_after"] and not row["samples"].get(name):
        return f"> {row['stopped_after'][name]:.0f} s"
    return number(figure(row, name))


def cells(row, names):
    peers = [name for name in names if name != "spindle"]
    return [f"{row['group']}/{row['name']}", row["unit"], *(shown_figure(row, name) for name in names),
            *(times(ratio(row, peer)) for peer in peers), "; ".join(misses(row)) or "met"
            if row["kind"] != "memory" else "-"]


def header(names):
    return ["row", "unit", *names, *(f"/{name}" for name in names if name != "spindle"), "targets"]


def aligned(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        parts = [cell.ljust(width) if column in (0, 1, len(widths) - 1) else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(line, widths))]
        yield "  ".join(parts).rstrip()


def mean_lines(rows, names):
    for peer in [name for name in names if name != "spindle"]:
        mean = geometric_mean(rows, peer)
        if mean is None:
            continue
        target = ""
        if peer == "fuse2fs":
            met = "met" if mean >= GEOMETRIC_MEAN_OF_FUSE2FS else "missed"
            target = f"  (to reach: {GEOMETRIC_MEAN_OF_FUSE2FS:g}; {met})"
        yield f"geometric mean of spindle/{peer}: {mean:.2f}{target}"


def text_report(result):
    names, rows = result["file_systems"], result["rows"]
    lines = list(aligned([header(names), *(cells(row, names) for row in rows)]))
    lines += ["", *mean_lines(rows, names)]
    lost = [row for row in rows if misses(row)]
    judged = [row for row in rows if row["kind"] != "memory"]
    lines.append(f"rows that miss a target: {len(lost)} of {len(judged)}")
    for row in rows:
        for name, why in row["cannot"].items():
            lines.append(f"{row['group']}/{row['name']}: {name}: {why}")
    return "\n".join(lines)
