#!/usr/bin/env python3
"""What the simulated machine costs the mount in which it lives: the time that work on files takes while the machine stands still,
and while it runs flat out.

  bench/run --machine [--rounds N]

The states take turns in each round, in another order each time, on one mount; the first is there twice, so that the difference
of the two says what the figures are worth. The workload is that of watched.py.
"""

import argparse
import random
import statistics
import time
from pathlib import Path

from watched import mounted, work

HOGS = 8
RATES = {"the machine stands still": "0", "it stands still, again": "0", "it runs flat out": "max"}


def measure(mount, rate):
    (mount / ".spindle/machine/rate").write_text(rate)
    begin = time.monotonic()
    work(mount / "work")
    return time.monotonic() - begin


def start_hogs(mount):
    (mount / "hog.lua").write_text("while true do compute(1) end\n")
    for _ in range(HOGS):
        (mount / ".spindle/machine/run").write_text("/hog.lua")


def virtual_seconds(mount):
    return float((mount / ".spindle/proc/uptime").read_text().split()[0])


def show(samples, virtual_s):
    usual = samples["the machine stands still"]
    print(f"{'state':<28}{'time':>12}{'more than while it stands still':>34}{'quartiles':>20}")
    for state, times in samples.items():
        ratios = [100 * (one / other - 1) for one, other in zip(times, usual)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"{state:<28}{statistics.median(times) * 1e3:>9.1f} ms{middle:>32.1f} %{low:>11.1f} to {high:.1f} %")
    print(f"{len(usual)} rounds; {HOGS} processes that compute, {virtual_s:.0f} s of virtual time in all")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--spindle-bin", type=Path, required=True, help="the folder of the programs")
    options = parser.parse_args()
    samples = {state: [] for state in RATES}
    with mounted(options.spindle_bin, "disk=textbook,cache=16M") as mount:
        start_hogs(mount)
        measure(mount, "0")  # the first makes what stays
        for number in range(options.rounds):
            for state in random.Random(number).sample(list(RATES), len(RATES)):
                samples[state].append(measure(mount, RATES[state]))
        virtual_s = virtual_seconds(mount)
    show(samples, virtual_s)


if __name__ == "__main__":
    main()
