#!/usr/bin/env python3
"""What it costs to be watched: the daemon's CPU time for one workload with the trace on, and with the shadows of what-if off, each
against a mount as it comes: shadows on, trace off. And for one look of `spindle watch`.

  bench/run --watched [--rounds N]

The states take turns in each round, in another order each time, on one mount; the first is there twice, so that the difference
of the two says what the figures are worth. The workload is files made, written, synced, listed, read and removed.
"""

import argparse
import contextlib
import mmap
import os
import random
import statistics
import subprocess
import tempfile
from pathlib import Path

FILES = 600
STATES = {
    "as mounted": {},
    "as mounted, again": {},
    "trace on": {"trace_on": "1"},
    "shadows off": {"disk/watch": "off", "cache/watch": "off"},
}
buffer = mmap.mmap(-1, 1 << 16)  # aligned, as O_DIRECT wants it
USUAL = {"trace_on": "0", "disk/watch": "on", "cache/watch": "on"}


@contextlib.contextmanager
def mounted(programs, options):
    """A new volume, mounted as long as that lasts; its mount point."""
    with tempfile.TemporaryDirectory(prefix="spindle-bench.") as folder:
        image, mount = Path(folder, "image"), Path(folder, "mount")
        mount.mkdir()
        subprocess.run([programs / "mkfs.spindle", "-q", image, "256M"], check=True)
        subprocess.run([programs / "spindle", "mount", "-o", options, image, mount], check=True)
        try:
            yield mount
        finally:
            subprocess.run([programs / "spindle", "umount", mount], check=True)


def cpu_time_ns(process):
    """Of all its threads, by the scheduler's own clock."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{process}/task").glob("*/schedstat"))


def work(folder):
    """Past the kernel's cache, so that the volume is asked."""
    content = bytes(range(256)) * 64
    folder.mkdir()
    for number in range(FILES):
        file = os.open(folder / str(number), os.O_RDWR | os.O_CREAT)
        os.write(file, content[: 1 + number * 50])
        if number % 30 == 0:
            os.fsync(file)
        os.close(file)
    for _ in range(6):
        for name in os.listdir(folder):
            file = os.open(folder / name, os.O_RDONLY | os.O_DIRECT)
            while os.readv(file, [memoryview(buffer)]):
                pass
            os.close(file)
    for name in os.listdir(folder):
        (folder / name).unlink()
    folder.rmdir()


def measure(mount, process, state):
    control = mount / ".spindle"
    for name, value in (USUAL | STATES[state]).items():
        (control / name).write_text(value)
    begin = cpu_time_ns(process)
    work(mount / "work")
    return cpu_time_ns(process) - begin


def measure_look(mount, process):
    looks = 200
    begin = cpu_time_ns(process)
    for _ in range(looks):
        (mount / ".spindle/activity.json").read_bytes()
    return (cpu_time_ns(process) - begin) / looks


def show(samples, look_ns):
    usual = statistics.median(samples["as mounted"])
    print(f"{'state':<24}{'CPU time':>12}{'more than as mounted':>24}{'quartiles':>20}")
    for state, times in samples.items():
        ratios = [100 * (one / other - 1) for one, other in zip(times, samples["as mounted"])]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"{state:<24}{statistics.median(times) / 1e6:>9.1f} ms{middle:>22.1f} %{low:>11.1f} to {high:.1f} %")
    print(f"{len(samples['as mounted'])} rounds; {FILES} files a run; one run as mounted takes {usual / 1e6:.0f} ms of the daemon")
    print(f"one look of spindle watch: {look_ns / 1e6:.2f} ms of the daemon")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--spindle-bin", type=Path, required=True, help="the folder of the programs")
    options = parser.parse_args()
    samples = {state: [] for state in STATES}
    with mounted(options.spindle_bin, "disk=textbook,cache=16M") as mount:
        process = int((mount / ".spindle/process_id").read_text())
        measure(mount, process, "as mounted")  # the first makes what stays
        for number in range(options.rounds):
            for state in random.Random(number).sample(list(STATES), len(STATES)):
                samples[state].append(measure(mount, process, state))
        look_ns = measure_look(mount, process)
    show(samples, look_ns)


if __name__ == "__main__":
    main()
