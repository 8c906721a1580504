#!/usr/bin/env python3
"""What the simulated machine costs the mount in which it lives: the time that work on files takes while the machine stands still,
and while it runs flat out.

  bench/run --machine [--rounds N]

How the states take turns, and what the work is, says turns.py.
"""

import time

import turns

HOGS = 8
RATES = {"while it stands still": "0", "while it stands still, again": "0", "while it runs flat out": "max"}


def main():
    options = turns.options(__doc__)
    with turns.mounted(options.programs) as mount:
        machine = mount / ".spindle/machine"
        (mount / "hog.lua").write_text("while true do compute(1) end\n")
        for _ in range(HOGS):
            (machine / "run").write_text("/hog.lua")

        def measure(state):
            (machine / "rate").write_text(RATES[state])
            begin = time.monotonic_ns()
            turns.work(mount / "work")
            return time.monotonic_ns() - begin

        samples = turns.take_turns(options.rounds, list(RATES), measure)
        virtual_s = float((mount / ".spindle/proc/uptime").read_text().split()[0])
    turns.show(samples, "time")
    print(f"{HOGS} processes that compute, {virtual_s:.0f} s of virtual time in all")


if __name__ == "__main__":
    main()
