#!/usr/bin/python3
"""Compares Spindle with fuse2fs, ntfs-3g and ext4 on a loop device: every row on each, round robin, in one run.

Prints a table of figures and ratios (a ratio above 1: Spindle is faster), and with --json writes all samples. Needs root,
as mounting does. Rows are named GROUP/ROW; --list shows them.
"""

import argparse
import contextlib
import copy
import datetime
import fnmatch
import json
import os
import shutil
import signal
import sys
import tempfile
import time

import file_systems
import report
from file_systems import CannotDo, TooSlow, run
from rows import GROUPS, Bench, Material, Scale

SLOW_GROUP_SECONDS = 60  # a peer that needs longer than this for a group is measured in one round only
OWN_NAMESPACE = "SPINDLE_BENCH_OWN_NAMESPACE"


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller amounts and one round")
    parser.add_argument("--rows", action="append", metavar="GLOB", help="only rows whose GROUP/ROW match; can be repeated")
    parser.add_argument("--list", action="store_true", help="list the rows, and stop")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each row is measured (3; with --quick 1)")
    parser.add_argument("--against", metavar="NAMES", default=",".join(file_systems.PEERS),
                        help="peers, with commas between (%(default)s); '' for none")
    parser.add_argument("--spindle-bin", metavar="DIR", default="", help="where spindle, mkfs.spindle and fsck.spindle are (PATH)")
    parser.add_argument("--options", action="append", default=[], metavar="NAME=OPT,...",
                        help="mount options of a file system instead of its defaults: --options spindle=noatime")
    parser.add_argument("--program", metavar="FILE", default="bench_volume", help="bench_volume (PATH)")
    parser.add_argument("--work", metavar="DIR", default=tempfile.gettempdir(), help="where images and mounts go (%(default)s)")
    parser.add_argument("--limit", type=float, default=120, metavar="SECONDS", help="stop a row after this (%(default)g)")
    parser.add_argument("--json", metavar="FILE", help="write all samples there")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    arguments.rows = arguments.rows or ["*"]
    return arguments


def chosen_groups(scale, patterns):
    """The groups with the rows that are to be measured, and those that these need: [(group, rows to run, measured names)]."""
    chosen = []
    for group in (make(scale) for make in GROUPS):
        measured = {row.name for row in group.rows
                    if any(fnmatch.fnmatch(f"{group.name}/{row.name}", pattern) for pattern in patterns)}
        run_names = set(measured)
        for row in group.rows:
            if row.name in measured:
                run_names.update(row.needs)
        if measured:
            chosen.append((group, [row for row in group.rows if row.name in run_names], measured))
    return chosen


class Run:
    """One run of the program: everything that it measures."""

    def __init__(self, arguments, work):
        self.arguments = arguments
        self.scale = Scale.quick() if arguments.quick else Scale()
        self.groups = chosen_groups(self.scale, arguments.rows)
        if not self.groups:
            raise SystemExit(f"compare.py: no row matches {' '.join(arguments.rows)}; --list shows all")
        self.volumes = self.make_volumes(work)
        self.material = Material(os.path.join(work, "material"), self.scale)
        self.results = {}
        self.slow = set()

    def make_volumes(self, work):
        file_systems.Spindle.binaries = os.path.abspath(self.arguments.spindle_bin) if self.arguments.spindle_bin else ""
        names = ["spindle", *filter(None, self.arguments.against.split(","))]
        options = dict(option.split("=", 1) for option in self.arguments.options if "=" in option)
        for name in [*names, *options]:
            if name not in file_systems.ALL:
                raise SystemExit(f"compare.py: '{name}' is not one of {', '.join(file_systems.ALL)}")
        volumes = [file_systems.ALL[name](work, self.scale.image_size) for name in names]
        for volume in volumes:
            volume.mount_options = options.get(volume.name, volume.mount_options)
        return volumes

    def measure_all(self, after_round):
        """Measures round by round, and calls `after_round` with how many are complete."""
        if any(group.takes_material for group, _, _ in self.groups):
            say("== Making material for the programs")
            self.material.make()
        for number in range(self.arguments.rounds):
            first = number % len(self.volumes)
            for group, rows, measured in self.groups:
                for volume in self.volumes[first:] + self.volumes[:first]:
                    if (volume.name, group.name) not in self.slow:
                        self.measure_in_time(number, group, rows, measured, volume)
            after_round(number + 1)

    def measure_in_time(self, number, group, rows, measured, volume):
        began = time.monotonic()
        self.measure_group(group, rows, measured, volume)
        seconds = time.monotonic() - began
        say(f"[round {number + 1}/{self.arguments.rounds}] {group.name:15} {volume.name:8} {seconds:6.1f} s")
        if seconds > SLOW_GROUP_SECONDS and volume.name != "spindle":
            self.slow.add((volume.name, group.name))

    def measure_group(self, group, rows, measured, volume):
        bench = Bench(volume, self.scale, self.material, self.arguments.program, self.arguments.limit)
        failed = set()
        try:
            if group.mounted:
                volume.fresh_image()
                volume.format()
                volume.mount()
                if group.prepare:
                    group.prepare(bench)
            for row in rows:
                lacking = failed.intersection(row.needs)
                if lacking:
                    failed.add(row.name)
                    self.cannot(group, row, volume, CannotDo(f"it comes after {sorted(lacking)[0]}, which it cannot do"))
                    continue
                try:
                    measure = self.measure_row(row, bench, group.mounted)
                    if row.name in measured:
                        self.entry(group, row)["samples"].setdefault(volume.name, []).append(
                            {"seconds": measure.seconds, "amount": measure.amount})
                except CannotDo as reason:
                    failed.add(row.name)
                    self.cannot(group, row, volume, reason)
        except CannotDo as reason:
            for row in rows:
                self.cannot(group, row, volume, reason)
        finally:
            volume.remove()

    def measure_row(self, row, bench, mounted):
        if row.before:
            row.before(bench)
        if row.start == "warm":
            row.work(bench)
        if mounted:
            bench.volume.settle()
        if row.start == "cold":
            bench.volume.make_cold()
        measure = row.work(bench)
        if row.after:
            row.after(bench)
        return measure

    def entry(self, group, row):
        key = f"{group.name}/{row.name}"
        return self.results.setdefault(key, {"group": group.name, "name": row.name, "unit": row.unit, "kind": row.kind,
                                             "samples": {}, "cannot": {}, "stopped_after": {}})

    def cannot(self, group, row, volume, reason):
        entry = self.entry(group, row)
        entry["cannot"][volume.name] = str(reason)
        if isinstance(reason, TooSlow):
            entry["stopped_after"][volume.name] = reason.limit
        say(f"  {group.name}/{row.name}: {volume.name}: {reason}")

    def ordered_rows(self):
        order = [f"{group.name}/{row.name}" for group, rows, measured in self.groups for row in rows
                 if row.name in measured]
        return [self.results[key] for key in order if key in self.results]


def first_line(command):
    try:
        return (run(command).strip() or "?").splitlines()[0]
    except (CannotDo, OSError):
        return "?"


def machine():
    """What the figures depend on."""
    facts = {"kernel": os.uname().release, "cpus": os.cpu_count(), "cpu": "?", "memory_bytes": 0}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                facts["cpu"] = line.split(":", 1)[1].strip()
    facts["memory_bytes"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    facts["packages"] = {name: first_line(["dpkg-query", "-W", "-f", "${Version}", name])
                         for name in ("fuse2fs", "ntfs-3g", "e2fsprogs", "fuse3")}
    return facts


def result_of(measuring, rounds, loads, began):
    arguments = measuring.arguments
    return {"when": began.isoformat(timespec="minutes"), "quick": arguments.quick, "rounds": rounds,
            "limit_seconds": arguments.limit,
            "machine": machine(), "host_file_system": first_line(["stat", "-f", "-c", "%T", arguments.work]),
            "load_averages": loads, "scale": vars(measuring.scale),
            "file_systems": [volume.name for volume in measuring.volumes],
            "commands": {volume.name: volume.about + (f" (-o {volume.mount_options})" if volume.mount_options else "")
                         for volume in measuring.volumes},
            "rows": measuring.ordered_rows()}


def measure(arguments, work):
    """The result of all rounds; after an interrupt, of those that were complete. Written after each round."""
    measuring = Run(arguments, work)
    began, loads = datetime.datetime.now().astimezone(), [os.getloadavg()[0]]
    results = []

    def keep(rounds):
        loads.append(os.getloadavg()[0])
        results[:] = [copy.deepcopy(result_of(measuring, rounds, loads, began))]
        if arguments.json:
            with open(arguments.json, "w", encoding="utf-8") as file:
                json.dump(results[0], file, indent=1)
                file.write("\n")

    try:
        measuring.measure_all(keep)
    except KeyboardInterrupt:
        if not results:
            raise SystemExit("compare.py: interrupted before a round was complete") from None
        say(f"interrupted: {results[0]['rounds']} rounds are complete")
    return results[0]


def enter_own_namespace():
    """Starts this program anew in its own mount namespace: a process that copies a namespace keeps its mounts busy."""
    if os.environ.get(OWN_NAMESPACE) != "yes":
        os.environ[OWN_NAMESPACE] = "yes"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])


def main():
    arguments = parse_arguments()
    if arguments.list:
        for group in (make(Scale()) for make in GROUPS):
            for row in group.rows:
                print(f"{group.name}/{row.name}")
        return 0
    if os.geteuid() != 0:
        raise SystemExit("compare.py: mounting needs root")
    enter_own_namespace()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends with what is complete, as Ctrl-C does
    work = tempfile.mkdtemp(prefix="bench-volume.", dir=arguments.work)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        result = measure(arguments, work)
    print(report.text_report(result))
    return 1 if any("spindle" in row["cannot"] for row in result["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
