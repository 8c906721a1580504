#!/usr/bin/python3
"""`spindle watch` under a pseudo-terminal: what its screen shows at several sizes, what its keys do, and how it ends.

    watch_terminal.py IMAGE MOUNT       # mounted; is unmounted at the end
"""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

import pyte

image, mount = sys.argv[1:]
PATIENCE = 120


class Watch:
    """A running `spindle watch`, with the screen that its terminal would show."""

    def __init__(self, columns, lines, term="xterm-256color", locale="C.UTF-8", more=()):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.said = b""
        self.master, slave = pty.openpty()
        self.size(columns, lines)
        self.before = termios.tcgetattr(slave)
        # A shell may have exported a size that is not the terminal's.
        environment = dict(os.environ, TERM=term, LC_ALL=locale, LINES="60", COLUMNS="200")
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            ["spindle", "watch", mount, "-i", "0.2", *more], stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, env=environment, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave = slave

    def size(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns, lines):
        self.screen.resize(lines, columns)
        self.size(columns, lines)

    def read(self, seconds):
        end = time.monotonic() + seconds
        os.set_blocking(self.master, False)
        while time.monotonic() < end:
            try:
                got = os.read(self.master, 65536)
                self.said += got
                # pyte takes the private CSI > and = for others.
                self.stream.feed(got.replace(b"\x1b[>", b"\x1b[?"))
            except (BlockingIOError, OSError):
                time.sleep(0.02)

    def shown(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, *words, without=()):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.read(0.1)
            text = self.shown()
            if all(word in text for word in words) and not any(word in text for word in without):
                return text
        raise AssertionError(f"the screen never shows {words} (without {without}):\n{self.shown()}")

    def press(self, keys):
        os.write(self.master, keys.encode())

    def ends(self, status):
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self.read(0.1)
        assert self.process.poll() == status, (self.process.poll(), status, self.shown())
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was before"
        os.close(self.slave)
        os.close(self.master)


def work(stopping):
    while not stopping.is_set():
        with open(f"{mount}/d/worked-on", "wb") as file:
            file.write(os.urandom(100_000))
            os.fsync(file.fileno())
        time.sleep(0.02)


def setting(name):
    text = open(f"{mount}/.spindle/{name}").read()
    return text[text.index("[") + 1:text.index("]")]


TITLES = ("Arm: look", "to a letter (", "Cache: lru", "Busiest files", "Latency of requests")


def shows_everything():
    watch = Watch(80, 24)
    text = watch.wait_for(*TITLES, "/d/worked-on", "fsync", "p99", "cylinder", "every 0.2 s", "quit")
    assert "W" in text and "▲" in text, text
    assert b"\x1b[?1049h" in watch.said, "it does not leave the screen as it found it"
    watch.press("q")
    watch.ends(0)
    assert b"\x1b[?1049l" in watch.said, "the screen does not come back"


def takes_any_size():
    watch = Watch(200, 50)
    text = watch.wait_for(*TITLES)
    row = next(line for line in text.splitlines() if "Arm: look" in line)
    assert "Blocks:" in row, "a wide terminal has panels beside one another"
    for columns, lines in ((80, 24), (41, 9), (78, 20), (132, 24)):
        watch.resize(columns, lines)
        text = watch.wait_for("Arm: look", without=("Busiest",) if columns < 78 else ())
    watch.resize(30, 6)
    watch.wait_for("too small")
    watch.resize(3, 2)
    watch.read(0.3)
    watch.resize(100, 30)
    watch.wait_for(*TITLES, without=("too small",))
    watch.press("q")
    watch.ends(0)


def fits_where_it_is_narrow():
    watch = Watch(40, 12)
    text = watch.wait_for("Arm: look", "cylinders/s")
    head = text.splitlines()[0]
    assert head.endswith(" free"), text
    summary = next(line for line in text.splitlines() if "cylinders/s" in line)
    assert summary.endswith(("cylinders/s", "% seek", "% rotation")), text
    watch.press("?")
    watch.wait_for("quit", "the panel alone", "fit of free runs")
    watch.press("x")
    watch.wait_for("Arm: look", without=("fit of free runs",))
    watch.press("a")
    watch.wait_for("disk/scheduler: enter sets ")
    watch.press("\x1b")
    watch.wait_for("Arm: look", without=("enter sets",))
    watch.press("\t")
    watch.wait_for("W written R read D data J journal S own")
    watch.press("q")
    watch.ends(0)


def obeys_keys():
    watch = Watch(80, 24)
    watch.wait_for("every 0.2 s")
    watch.press("+")
    watch.wait_for("every 0.5 s")
    watch.press("-")
    watch.wait_for("every 0.2 s")
    watch.press("p")
    watch.wait_for("PAUSED")
    watch.read(0.5)
    paused = watch.shown()
    watch.read(1)
    assert watch.shown() == paused, "it moves while it is paused"
    watch.press(" ")
    deadline = time.monotonic() + PATIENCE
    while watch.shown() == paused and time.monotonic() < deadline:
        watch.read(0.1)
    assert watch.shown() != paused and "PAUSED" in watch.shown(), "it does not look when it is told to"
    watch.press("p")
    watch.wait_for("every 0.2 s")
    watch.press("\t\r")
    watch.wait_for("Blocks:", without=("Arm:", "Cache:"))
    watch.press("\x1bOC")
    watch.wait_for("Cache:", without=("Blocks:",))
    watch.press("\x1bOD\r")
    watch.wait_for(*TITLES)
    watch.press("?")
    watch.wait_for("Any key closes this")
    watch.press("q")
    watch.wait_for(*TITLES, without=("Any key",))
    watch.press("x")
    watch.wait_for("no meaning")
    watch.press("a")
    watch.wait_for("disk/scheduler", "> look (now)", "sstf")
    watch.press("\x1bOB\r")
    watch.wait_for("disk/scheduler is c-look now", "Arm: c-look")
    assert setting("disk/scheduler") == "c-look"
    watch.press("c")
    watch.wait_for("cache/policy", "lru (now)")
    watch.press("\x1b")
    watch.wait_for("Cache: lru", without=("cache/policy",))
    assert setting("cache/policy") == "lru"
    watch.press("a")
    watch.wait_for("c-look (now)")
    watch.press("\x1bOA\r")
    watch.wait_for("Arm: look,")
    watch.press("d")
    watch.wait_for("disk/model", "> textbook (now)")
    watch.press("\x1b")
    watch.wait_for(without=("disk/model",))
    watch.press("q")
    watch.ends(0)


def needs_neither_colour_nor_utf8():
    watch = Watch(80, 24, term="vt100", locale="C")
    text = watch.wait_for(*TITLES, "fsync", "^")
    assert text.isascii(), text
    assert not re.search(rb"\x1b\[[0-9;]*[34][0-9;]*m", watch.said), "colours on a vt100"
    watch.press("q")
    watch.ends(0)
    watch = Watch(80, 24, term="no-such-terminal")
    watch.wait_for("is not known")
    watch.ends(1)


def ends_by_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        watch = Watch(80, 24)
        watch.wait_for("Arm: look")
        watch.process.send_signal(number)
        watch.ends(-number)
        assert b"\x1b[?1049l" in watch.said, "the screen does not come back"
    watch = Watch(80, 24)
    watch.wait_for("Arm: look")
    watch.press("\x03")
    watch.ends(-signal.SIGINT)


def waits_for_a_mount_that_does_not_answer():
    daemon = int(open(f"{mount}/.spindle/process_id").read())
    watch = Watch(80, 24)
    watch.wait_for("Arm: look")
    os.kill(daemon, signal.SIGSTOP)
    try:
        watch.wait_for("has not answered")
        watch.press("q")
        watch.ends(0)
    finally:
        os.kill(daemon, signal.SIGCONT)


def ends_with_the_mount(unmount):
    watch = Watch(80, 24)
    watch.wait_for("Arm: look")
    unmount()
    watch.ends(1)
    assert b"no longer mounted" in watch.said, watch.said[-300:]
    assert b"\x1b[?1049l" in watch.said, "the screen does not come back"


def kill_the_daemon():
    os.kill(int(open(f"{mount}/.spindle/process_id").read()), signal.SIGKILL)


stopping = threading.Event()
worker = threading.Thread(target=work, args=(stopping,))
worker.start()
try:
    for test in (shows_everything, takes_any_size, fits_where_it_is_narrow, obeys_keys, needs_neither_colour_nor_utf8, ends_by_signals):
        print("   ", test.__name__, flush=True)
        test()
finally:
    stopping.set()
    worker.join()
print("    ends", flush=True)
waits_for_a_mount_that_does_not_answer()
ends_with_the_mount(kill_the_daemon)
subprocess.run(["umount", "-l", mount] if os.geteuid() == 0 else ["fusermount3", "-u", "-z", mount], check=True)
subprocess.run(["spindle", "mount", image, mount, "-o", "disk=textbook"], check=True)
ends_with_the_mount(lambda: subprocess.run(["spindle", "umount", mount], check=True))
