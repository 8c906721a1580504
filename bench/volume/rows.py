"""The rows: what is measured, in groups. The rows of a group run one after the other on one volume that is made for it.

A row is given a Bench, and returns a Measure. Its `start` says what is known of the volume when its clock starts:
    here    what the rows before have left
    cold    nothing: unmounted, the image dropped from the page cache, mounted again
    warm    everything: the same was done once before, untimed
Its `kind` says what is expected next to ext4:
    kernel     the kernel's caches can answer: half of ext4 at least
    crossing   each operation crosses to user space: a quarter at least
    command    a program that ext4 has in another shape: no expectation
    memory     bytes of the daemon: less is better, no expectation
"""

import json
import os
import random
import shutil
import time
from dataclasses import dataclass, field
from typing import Callable

from file_systems import CannotDo, run


@dataclass
class Scale:
    """The amounts of everything: for the full run, or --quick."""
    image_size: int = 4 << 30
    data_size: int = 256 << 20
    job_size: int = 64 << 20
    cold_requests: int = 4000
    warm_requests: int = 200000
    direct_requests: int = 10000
    synced_requests: int = 300
    files: int = 20000
    synced_files: int = 500
    names: int = 100000
    tree_files: int = 3000
    transactions: int = 500
    sources: int = 40

    @staticmethod
    def quick():
        return Scale(image_size=2 << 30, data_size=64 << 20, job_size=16 << 20, cold_requests=1000, warm_requests=50000,
                     direct_requests=2000, synced_requests=60, files=4000, synced_files=100, names=10000, tree_files=600,
                     transactions=100, sources=10)


@dataclass
class Measure:
    seconds: float        # what was spent; for memory the MiB
    amount: float = 1     # on so many operations, or MiB; 1 for a whole program


@dataclass
class Row:
    name: str
    unit: str             # "MiB/s", "op/s", "s", "MiB"
    kind: str
    work: Callable
    start: str = "here"
    needs: tuple = ()     # rows of this group that must have run before
    before: Callable = None  # untimed, what the row must find
    after: Callable = None  # untimed, to leave the volume as it was


@dataclass
class Group:
    name: str
    rows: list
    mounted: bool = True  # the rows find the volume mounted
    prepare: Callable = None
    takes_material: bool = False


@dataclass
class Bench:
    """A row's surroundings: one volume, the amounts, and the material."""
    volume: object
    scale: Scale
    material: "Material"
    program: str          # bench_volume
    limit: float
    notes: dict = field(default_factory=dict)

    @property
    def directory(self):
        return self.volume.directory

    def operate(self, operation, unit="op/s", **options):
        words = [self.program, operation, self.directory]
        for name, value in options.items():
            words.append("--" + name.replace("_", "-"))
            if value is not True:
                words.append(str(value))
        answer = json.loads(run(words, self.limit))
        amount = answer["bytes"] / (1 << 20) if unit == "MiB/s" else answer["operations"]
        return Measure(answer["seconds"], amount)

    def time_command(self, command, cwd=None, text_input=None):
        began = time.monotonic()
        if text_input is None:
            run(command, self.limit, cwd=cwd or self.directory)
        else:
            run(["sh", "-c", f"{' '.join(command)} < {text_input}"], self.limit, cwd=cwd or self.directory)
        return Measure(time.monotonic() - began)

    def path(self, name):
        return os.path.join(self.directory, name)


class Material:
    """The files on which programs work, made once on the host from a seed."""

    def __init__(self, folder, scale):
        self.folder = folder
        self.tree = os.path.join(folder, "tree")
        self.archive = os.path.join(folder, "tree.tar")
        self.repository = os.path.join(folder, "tree.git")
        self.sources = os.path.join(folder, "sources")
        self.scale = scale

    def make(self):
        os.makedirs(self.folder)
        self.make_tree()
        run(["tar", "-cf", self.archive, "-C", self.folder, "tree"])
        self.make_repository()
        self.make_sources()
        for mode in ("delete", "wal"):
            self.make_transactions(mode)

    def make_tree(self):
        """Makes files in folders, with sizes as in source trees: many small, few large; and some symbolic links."""
        chance = random.Random(1)
        words = [bytes(chance.choices(b"etaoinshrdlucmfwyp", k=chance.randrange(2, 9))) for _ in range(4000)]
        for number in range(self.scale.tree_files):
            folder = os.path.join(self.tree, f"part{number % 12:02}", f"section{number % 97:02}")
            os.makedirs(folder, exist_ok=True)
            size = min(int(chance.lognormvariate(8.3, 1.3)), 1 << 20)
            text = b" ".join(chance.choices(words, k=size // 6 + 1))[:size]
            name = os.path.join(folder, f"file{number:05}.txt")
            with open(name, "wb") as file:
                file.write(text)
            if number % 25 == 0:
                os.symlink(f"file{number:05}.txt", os.path.join(folder, f"link{number:05}"))

    def make_repository(self):
        copy = os.path.join(self.folder, "checkout")
        git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "init.defaultBranch=main",
               "-c", "gc.auto=0"]
        shutil.copytree(self.tree, copy, symlinks=True)
        run([*git, "init", "-q", copy])
        run([*git, "-C", copy, "add", "-A"])
        run([*git, "-C", copy, "commit", "-q", "-m", "All"])
        run([*git, "clone", "-q", "--bare", copy, self.repository])
        run([*git, "-C", self.repository, "repack", "-a", "-d", "-q"])
        shutil.rmtree(copy)

    def make_sources(self):
        """Makes a program of many files, and its Makefile."""
        os.makedirs(self.sources)
        names = [f"unit{number:03}" for number in range(self.scale.sources)]
        for number, name in enumerate(names):
            lines = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>", '#include "units.h"']
            for function in range(40):
                lines.append(f"static int {name}_step{function}(int x) {{ return x * {function + 3} + {number}; }}")
            total = " + ".join(f"{name}_step{function}(x)" for function in range(40))
            lines.append(f"int {name}(int x) {{ return {total}; }}")
            with open(os.path.join(self.sources, f"{name}.c"), "w", encoding="ascii") as file:
                file.write("\n".join(lines) + "\n")
        with open(os.path.join(self.sources, "units.h"), "w", encoding="ascii") as file:
            file.write("".join(f"int {name}(int x);\n" for name in names))
        with open(os.path.join(self.sources, "main.c"), "w", encoding="ascii") as file:
            calls = " + ".join(f"{name}(1)" for name in names)
            file.write(f'#include "units.h"\nint main(void) {{ return ({calls}) & 1; }}\n')
        with open(os.path.join(self.sources, "Makefile"), "w", encoding="ascii") as file:
            objects = " ".join(f"{name}.o" for name in ["main", *names])
            file.write(f"program: {objects}\n\tgcc -o $@ $^\n%.o: %.c units.h\n\tgcc -O0 -c -o $@ $<\n")

    def transactions(self, mode):
        return os.path.join(self.folder, f"{mode}.sql")

    def make_transactions(self, mode):
        chance = random.Random(2)
        with open(self.transactions(mode), "w", encoding="ascii") as file:
            file.write(f"PRAGMA journal_mode={mode}; PRAGMA synchronous=FULL;\n"
                       "CREATE TABLE t(id INTEGER PRIMARY KEY, key INTEGER, text TEXT); CREATE INDEX k ON t(key);\n")
            for _ in range(self.scale.transactions):
                file.write(f"INSERT INTO t(key, text) VALUES({chance.randrange(1 << 30)}, "
                           f"'{chance.randbytes(60).hex()}');\n")


# ---- data ------------------------------------------------------------------------------------------------------------

def remove_data(bench):
    for name in os.listdir(bench.directory):
        if name.startswith("data-"):
            os.unlink(bench.path(name))


def make_data(bench):
    if not os.path.exists(bench.path("data-0")):
        bench.operate("write", file_size=bench.scale.data_size)
        bench.volume.settle()


def warm_data(bench):
    bench.operate("read", file_size=bench.scale.data_size)


def sequential(scale):
    def write(**options):
        return lambda bench: bench.operate("write", "MiB/s", file_size=scale.data_size, **options)

    def read(**options):
        return lambda bench: bench.operate("read", "MiB/s", file_size=scale.data_size, **options)

    return Group("sequential", [
        Row("write", "MiB/s", "crossing", write(), before=remove_data),
        Row("write-fsync", "MiB/s", "crossing", write(sync="end"), before=remove_data),
        Row("write-direct", "MiB/s", "crossing", write(direct=True), before=remove_data),
        Row("overwrite-cold", "MiB/s", "crossing", write(), start="cold", before=make_data),
        Row("overwrite-warm", "MiB/s", "crossing", write(), start="warm", before=make_data),
        Row("overwrite-fsync", "MiB/s", "crossing", write(sync="end"), before=make_data),
        Row("overwrite-direct", "MiB/s", "crossing", write(direct=True), before=make_data),
        Row("read-cold", "MiB/s", "crossing", read(), start="cold", before=make_data),
        Row("read-warm", "MiB/s", "kernel", read(), start="warm", before=make_data),
        Row("read-direct", "MiB/s", "crossing", read(direct=True), start="warm", before=make_data),
    ])


def at_random(scale):
    def access(operation, requests, **options):
        return lambda bench: bench.operate(operation, file_size=scale.data_size, request_size="4K", random=True,
                                           requests=requests, **options)

    return Group("random", [
        Row("read-cold", "op/s", "crossing", access("read", scale.cold_requests), start="cold"),
        Row("read-warm", "op/s", "kernel", access("read", scale.warm_requests), before=warm_data),
        Row("read-direct", "op/s", "crossing", access("read", scale.direct_requests, direct=True), start="warm"),
        Row("write-cold", "op/s", "crossing", access("write", scale.cold_requests), start="cold"),
        Row("write-warm", "op/s", "crossing", access("write", scale.direct_requests), start="warm"),
        Row("write-fsync", "op/s", "crossing", access("write", scale.direct_requests, sync="end")),
        Row("write-fsync-each", "op/s", "crossing", access("write", scale.synced_requests, sync="each")),
        Row("write-direct", "op/s", "crossing", access("write", scale.direct_requests, direct=True)),
    ], prepare=make_data)


# ---- four at once ----------------------------------------------------------------------------------------------------

JOBS = 4


def four_jobs(scale):
    def data(operation, **options):
        return lambda bench: bench.operate(operation, "MiB/s", jobs=JOBS, file_size=scale.job_size, **options)

    def requests(operation, count, **options):
        return lambda bench: bench.operate(operation, jobs=JOBS, file_size=scale.job_size, request_size="4K", random=True,
                                           requests=count // JOBS, **options)

    def small(operation, **options):
        return lambda bench: bench.operate(operation, jobs=JOBS, files=scale.files, **options)

    written = ("write-fsync",)
    made = ("create",)
    return Group("four-jobs", [
        Row("write-fsync", "MiB/s", "crossing", data("write", sync="end")),
        Row("read-cold", "MiB/s", "crossing", data("read"), start="cold", needs=written),
        Row("read-warm", "MiB/s", "kernel", data("read"), start="warm", needs=written),
        Row("random-read-cold", "op/s", "crossing", requests("read", scale.cold_requests), start="cold", needs=written),
        Row("random-read-direct", "op/s", "crossing", requests("read", scale.direct_requests, direct=True), start="warm",
            needs=written),
        Row("random-write-direct", "op/s", "crossing", requests("write", scale.direct_requests, direct=True),
            needs=written),
        Row("random-write-fsync-each", "op/s", "crossing", requests("write", scale.synced_requests, sync="each"),
            needs=written),
        Row("create", "op/s", "crossing", small("create")),
        Row("stat-cold", "op/s", "crossing", small("stat"), start="cold", needs=made),
        Row("stat-warm", "op/s", "kernel", small("stat"), start="warm", needs=made),
        Row("read-files-cold", "op/s", "crossing", small("read-files"), start="cold", needs=made),
        Row("remove", "op/s", "crossing", small("remove"), needs=made),
    ])


# ---- small files -----------------------------------------------------------------------------------------------------

def make_files(bench):
    if not os.path.exists(bench.path("d000/f000000")):
        bench.operate("create", files=bench.scale.files)


def small_files(scale):
    def act(operation, **options):
        return lambda bench: bench.operate(operation, files=scale.files, **options)

    made = ("create",)
    return Group("files", [
        Row("create", "op/s", "crossing", act("create")),
        Row("stat-cold", "op/s", "crossing", act("stat"), start="cold", needs=made),
        Row("stat-warm", "op/s", "kernel", act("stat"), start="warm", needs=made),
        Row("list-cold", "op/s", "crossing", act("list"), start="cold", needs=made),
        Row("list-warm", "op/s", "kernel", act("list"), start="warm", needs=made),
        Row("list-attributes-cold", "op/s", "crossing", act("list-attributes"), start="cold", needs=made),
        Row("list-attributes-warm", "op/s", "kernel", act("list-attributes"), start="warm", needs=made),
        Row("read-cold", "op/s", "crossing", act("read-files"), start="cold", needs=made),
        Row("read-warm", "op/s", "kernel", act("read-files"), start="warm", needs=made),
        Row("link", "op/s", "crossing", act("link"), needs=made, after=act("unlink")),
        Row("remove", "op/s", "crossing", act("remove"), needs=made),
        Row("rename", "op/s", "crossing", act("rename"), before=make_files),
    ])


def synced_files(scale):
    def create(bench):
        return bench.operate("create", files=scale.synced_files, directories=1, small_size=4096, sync="each")

    return Group("synced-files", [Row("create-fsync", "op/s", "crossing", create)])


def large_directory(scale):
    def act(operation, **options):
        return lambda bench: bench.operate(operation, files=scale.names, directories=1, small_size=0, **options)

    made = ("create",)
    sample = scale.names // 5
    return Group("large-directory", [
        Row("create", "op/s", "crossing", act("create")),
        Row("stat-cold", "op/s", "crossing", act("stat", sample=sample), start="cold", needs=made),
        Row("stat-warm", "op/s", "kernel", act("stat", sample=sample), start="warm", needs=made),
        Row("list-cold", "op/s", "crossing", act("list"), start="cold", needs=made),
        Row("list-warm", "op/s", "kernel", act("list"), start="warm", needs=made),
        Row("list-attributes-cold", "op/s", "crossing", act("list-attributes"), start="cold", needs=made),
        Row("remove", "op/s", "crossing", act("remove"), needs=made),
    ])


# ---- programs --------------------------------------------------------------------------------------------------------

def git_status(bench):
    return bench.time_command(["git", "-C", bench.path("clone"), "status", "--porcelain"])


def transact(bench, mode):
    database = bench.path(f"{mode}.db")
    script = bench.material.transactions(mode)
    measure = bench.time_command(["sqlite3", "-bail", database], text_input=script)
    if run(["sqlite3", database, "PRAGMA journal_mode"]).strip() != mode:
        raise CannotDo(f"sqlite3 could not use the journal mode {mode}")
    measure.amount = bench.scale.transactions
    return measure


def compile_program(bench):
    folder = bench.path("sources")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bench.material.sources, folder)
    bench.volume.settle()
    return bench.time_command(["make", "-s", "-j2"], cwd=folder)


def programs(_scale):
    cloned = ("git-clone",)
    copied = ("cp-a",)
    return Group("programs", [
        Row("cp-a", "s", "crossing", lambda bench: bench.time_command(["cp", "-a", bench.material.tree, "copy"])),
        Row("read-tree-cold", "s", "crossing",
            lambda bench: bench.time_command(["tar", "-cf", "/dev/zero", "copy"]), start="cold", needs=copied),
        Row("untar", "s", "crossing", lambda bench: bench.time_command(["tar", "-xf", bench.material.archive])),
        Row("rm-r", "s", "crossing", lambda bench: bench.time_command(["rm", "-r", "copy"]), needs=copied),
        Row("git-clone", "s", "crossing",
            lambda bench: bench.time_command(["git", "clone", "-q", bench.material.repository, "clone"])),
        Row("git-status-cold", "s", "crossing", git_status, start="cold", needs=cloned),
        Row("git-status-warm", "s", "kernel", git_status, start="warm", needs=cloned),
        Row("sqlite3-rollback", "op/s", "crossing", lambda bench: transact(bench, "delete")),
        Row("sqlite3-wal", "op/s", "crossing", lambda bench: transact(bench, "wal")),
        Row("compile", "s", "kernel", compile_program),
    ], takes_material=True)


# ---- whole volumes ---------------------------------------------------------------------------------------------------

def timed(action):
    began = time.monotonic()
    action()
    return Measure(time.monotonic() - began)


def make_volume(bench):
    if bench.volume.is_mounted():
        bench.volume.unmount()
    bench.volume.fresh_image()
    return timed(bench.volume.format)


def fill_and_unmount(bench):
    """Unmounts a volume that holds small files and a large one, just written."""
    bench.volume.mount()
    bench.operate("create", files=bench.scale.files)
    bench.operate("write", file_size=bench.scale.data_size)
    bench.notes["memory"] = bench.volume.memory() if bench.volume.find_daemon() else None
    return Measure(bench.volume.unmount())


def mount_cold(bench):
    bench.volume.forget_image()
    return timed(bench.volume.mount)


def check_volume(bench):
    bench.volume.forget_image()
    command = bench.volume.check_command()
    return timed(lambda: run(command, bench.limit))


def memory(bench, which):
    if not bench.notes.get("memory"):
        raise CannotDo("the kernel serves it")
    return Measure(bench.notes["memory"][which] / (1 << 20))


def whole_volume(_scale):
    filled = ("mkfs", "umount-written")
    return Group("volume", [
        Row("mkfs", "s", "command", make_volume),
        Row("umount-written", "s", "crossing", fill_and_unmount, needs=("mkfs",)),
        Row("fsck", "s", "command", check_volume, needs=filled),
        Row("mount", "s", "crossing", mount_cold, needs=filled),
        Row("umount", "s", "crossing", lambda bench: Measure(bench.volume.unmount()), needs=(*filled, "mount")),
        Row("memory", "MiB", "memory", lambda bench: memory(bench, 0), needs=filled),
        Row("memory-peak", "MiB", "memory", lambda bench: memory(bench, 1), needs=filled),
    ], mounted=False)


GROUPS = (sequential, at_random, four_jobs, small_files, synced_files, large_directory, programs, whole_volume)
