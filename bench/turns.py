"""Shared by the measurements of one mount: the mount, its work on files, and states that take turns.

The states take turns in each round, in another order each time; the first is there twice, so that the difference of the two says
what the figures are worth. The workload is files made, written, synced, listed, read and removed.
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
buffer = mmap.mmap(-1, 1 << 16)  # aligned, as O_DIRECT wants it


def options(description):
    """The command line's `rounds`, and `programs`, the folder of the programs."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--spindle-bin", dest="programs", type=Path, required=True, help="the folder of the programs")
    return parser.parse_args()


@contextlib.contextmanager
def mounted(programs, cache="16M"):
    """Mounts a new volume within the `with` block, with a cache of that size; gives its mount point."""
    with tempfile.TemporaryDirectory(prefix="spindle-bench.") as folder:
        image, mount = Path(folder, "image"), Path(folder, "mount")
        mount.mkdir()
        subprocess.run([programs / "mkfs.spindle", "-q", image, "256M"], check=True)
        subprocess.run([programs / "spindle", "mount", "-o", f"disk=textbook,cache={cache}", image, mount], check=True)
        try:
            yield mount
        finally:
            subprocess.run([programs / "spindle", "umount", mount], check=True)


def work(folder):
    """Reads past the kernel's cache, so that the volume is asked."""
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


def take_turns(rounds, states, measure):
    """Returns what `measure(state)` gives, in each round, for each state."""
    measure(states[0])  # the first makes what stays
    samples = {state: [] for state in states}
    for number in range(rounds):
        for state in random.Random(number).sample(states, len(states)):
            samples[state].append(measure(state))
    return samples


def show(samples, what):
    """Prints a line for each state: `what`, in nanoseconds, and how much more it is than in the first state."""
    first, *_ = samples
    print(f"{'state':<28}{what:>12}{'more than ' + first:>36}{'quartiles':>20}")
    for state, times in samples.items():
        ratios = [100 * (one / other - 1) for one, other in zip(times, samples[first])]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        print(f"{state:<28}{statistics.median(times) / 1e6:>9.1f} ms{middle:>34.1f} %{low:>11.1f} to {high:.1f} %")
    print(f"{len(samples[first])} rounds")
