#!/usr/bin/env python3
"""What it costs to be watched: the daemon's CPU time for one workload with the shadows of what-if, or the trace, on, each against a
mount with all of them off: files made, read and removed, and reads of 4 KiB at random; with a large cache, as it comes, and with a
small one. And for one look of `spindle watch`.

  bench/run --watched [--rounds N]

How the states take turns, and what the work on files is, says turns.py. Each has a mount of its own, which runs all the while: what an
experiment costs changes as it grows.
"""

import contextlib
import os
import random
from pathlib import Path

import turns

OFF = {"trace_on": "0", "disk/watch": "off", "cache/watch": "off"}
STATES = {
    "not watched": {},
    "not watched, again": {},
    "shadows of the cache": {"cache/watch": "on"},
    "shadows of the arm": {"disk/watch": "on"},
    "all shadows: as mounted": {"cache/watch": "on", "disk/watch": "on"},
    "trace": {"trace_on": "1"},
}
CACHES = ["64M", "1M"]
LARGE_FILE = 32 << 20
READS = 8000


def cpu_time_ns(process):
    """The CPU time of all its threads, by the scheduler's own clock."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{process}/task").glob("*/schedstat"))


def process_of(mount):
    return int((mount / ".spindle/process_id").read_text())


def work_on_files(mount):
    turns.work(mount / "work")


def read_at_random(mount):
    large = mount / "large"
    if not large.exists():
        large.write_bytes(os.urandom(LARGE_FILE))
        os.sync()
    places = random.Random(1)
    file = os.open(large, os.O_RDONLY | os.O_DIRECT)
    block = memoryview(turns.buffer)[:4096]
    for _ in range(READS):
        os.preadv(file, [block], places.randrange(LARGE_FILE // len(block)) * len(block))
    os.close(file)


WORKS = {"work on files": work_on_files, "reads at random": read_at_random}


def measure_cost(options, what, cache):
    with contextlib.ExitStack() as stack:
        mounts = {}
        for state, settings in STATES.items():
            mounts[state] = stack.enter_context(turns.mounted(options.programs, cache))
            for name, value in (OFF | settings).items():
                (mounts[state] / ".spindle" / name).write_text(value)

        def measure(state):
            process = process_of(mounts[state])
            begin = cpu_time_ns(process)
            WORKS[what](mounts[state])
            return cpu_time_ns(process) - begin

        for state in STATES:
            measure(state)  # the first makes what stays
        samples = turns.take_turns(options.rounds, list(STATES), measure)
        print(f"{what}, a cache of {cache}iB")
        turns.show(samples, "CPU time")


def measure_look(options):
    looks = 200
    with turns.mounted(options.programs) as mount:
        process = process_of(mount)
        turns.work(mount / "work")
        begin = cpu_time_ns(process)
        for _ in range(looks):
            (mount / ".spindle/activity.json").read_bytes()
        look_ns = (cpu_time_ns(process) - begin) / looks
    print(f"one look of spindle watch: {look_ns / 1e6:.2f} ms of the daemon")


def main():
    options = turns.options(__doc__)
    for what in WORKS:
        for cache in CACHES:
            measure_cost(options, what, cache)
    measure_look(options)


if __name__ == "__main__":
    main()
