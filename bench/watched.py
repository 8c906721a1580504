#!/usr/bin/env python3
"""What it costs to be watched: the daemon's CPU time for one workload with the trace on, and with the shadows of what-if off, each
against a mount as it comes: shadows on, trace off. And for one look of `spindle watch`.

  bench/run --watched [--rounds N]

How the states take turns, and what the work is, says turns.py.
"""

from pathlib import Path

import turns

STATES = {
    "as mounted": {},
    "as mounted, again": {},
    "trace on": {"trace_on": "1"},
    "shadows off": {"disk/watch": "off", "cache/watch": "off"},
}
USUAL = {"trace_on": "0", "disk/watch": "on", "cache/watch": "on"}


def cpu_time_ns(process):
    """Of all its threads, by the scheduler's own clock."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{process}/task").glob("*/schedstat"))


def measure_look_ns(mount, process):
    looks = 200
    begin = cpu_time_ns(process)
    for _ in range(looks):
        (mount / ".spindle/activity.json").read_bytes()
    return (cpu_time_ns(process) - begin) / looks


def main():
    options = turns.options(__doc__)
    with turns.mounted(options.programs) as mount:
        process = int((mount / ".spindle/process_id").read_text())

        def measure(state):
            for name, value in (USUAL | STATES[state]).items():
                (mount / ".spindle" / name).write_text(value)
            begin = cpu_time_ns(process)
            turns.work(mount / "work")
            return cpu_time_ns(process) - begin

        samples = turns.take_turns(options.rounds, list(STATES), measure)
        look_ns = measure_look_ns(mount, process)
    turns.show(samples, "CPU time")
    print(f"one look of spindle watch: {look_ns / 1e6:.2f} ms of the daemon")


if __name__ == "__main__":
    main()
