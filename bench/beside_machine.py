#!/usr/bin/env python3
"""What the simulated machine costs the mount in which it lives: the time that work on files takes while the machine stands still,
and while it runs flat out; and, as a peer, beside a loop of another process that asks the kernel for idle time alone.

  bench/run --machine [--rounds N]

How the states take turns, and what the work is, says turns.py.
"""

import contextlib
import subprocess
import sys
import time

import turns

HOGS = 8
FLAT_OUT, BESIDE_LOOP = "while it runs flat out", "still, beside an idle loop"
STATES = ["while it stands still", "while it stands still, again", FLAT_OUT, BESIDE_LOOP]
LOOP = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)); print(flush=True)\nwhile True: pass"


@contextlib.contextmanager
def idle_loop():
    """Runs a process that computes at low priority within the `with` block."""
    with subprocess.Popen([sys.executable, "-c", LOOP], stdout=subprocess.PIPE) as loop:
        loop.stdout.readline()
        try:
            yield
        finally:
            loop.kill()


def main():
    options = turns.options(__doc__)
    with turns.mounted(options.programs) as mount:
        machine = mount / ".spindle/machine"
        (mount / "hog.lua").write_text("while true do compute(1) end\n")
        for _ in range(HOGS):
            (machine / "run").write_text("/hog.lua")

        def measure(state):
            (machine / "rate").write_text("max" if state == FLAT_OUT else "0")
            with idle_loop() if state == BESIDE_LOOP else contextlib.nullcontext():
                begin = time.monotonic_ns()
                turns.work(mount / "work")
                return time.monotonic_ns() - begin

        samples = turns.take_turns(options.rounds, STATES, measure)
        virtual_s = float((mount / ".spindle/proc/uptime").read_text().split()[0])
    turns.show(samples, "time")
    print(f"{HOGS} processes that compute, {virtual_s:.0f} s of virtual time in all")


if __name__ == "__main__":
    main()
