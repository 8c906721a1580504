"""The file systems that are compared: how each makes, mounts, unmounts and checks a volume.

All use image files of the same size in the same host directory. The FUSE ones open the image themselves; ext4 gets a loop
device. Options are the defaults of each, so what a person gets who types the plain commands.
"""

import os
import select
import subprocess
import time


class CannotDo(Exception):
    """This file system has no such operation, or has failed at it; the text says why."""


class TooSlow(CannotDo):
    """It was stopped after `limit` seconds."""

    def __init__(self, what, limit):
        super().__init__(f"{what} took longer than {limit:.0f} s")
        self.limit = limit


def run(command, limit=600, **more):
    """Runs a command, and returns what it printed; CannotDo if it fails, TooSlow if it takes longer than `limit`."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=limit, **more)
    except subprocess.TimeoutExpired as error:
        raise TooSlow(os.path.basename(command[0]), limit) from error
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise CannotDo(f"{os.path.basename(command[0])} has failed: {words}")
    return done.stdout


class FileSystem:
    """One volume in an image. `directory` is where it is mounted."""

    name = ""
    about = ""            # the commands, for the reader of the report
    mount_options = ""

    def __init__(self, work, size):
        self.image = os.path.join(work, f"{self.name}.img")
        self.directory = os.path.join(work, self.name)
        self.size = size
        self.daemon = None
        os.makedirs(self.directory, exist_ok=True)

    # Each file system has its own of these four.
    def format_command(self):
        raise NotImplementedError

    def mount_command(self):
        raise NotImplementedError

    def unmount_command(self):
        return ["umount", self.directory]

    def check_command(self):
        raise NotImplementedError

    def options(self):
        return ["-o", self.mount_options] if self.mount_options else []

    def fresh_image(self):
        """An empty sparse image."""
        if os.path.exists(self.image):
            os.unlink(self.image)
        with open(self.image, "wb") as image:
            image.truncate(self.size)

    def format(self):
        run(self.format_command())

    def mount(self):
        """Returns once the mount answers."""
        run(self.mount_command())
        os.statvfs(self.directory)

    def find_daemon(self):
        """The process that serves the mount; None if the kernel does."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if self.image.encode() in words and int(pid) != os.getpid():
                return int(pid)
        return None

    def unmount(self):
        """Returns once all is written and the daemon, if there is one, has gone. Returns the seconds it took."""
        pid = self.find_daemon()
        gone = os.pidfd_open(pid) if pid else None
        began = time.monotonic()
        self.unmount_patiently()
        if gone is not None:
            ready, _, _ = select.select([gone], [], [], 600)
            os.close(gone)
            if not ready:
                raise CannotDo("the daemon did not end within 600 s of the unmount")
        return time.monotonic() - began

    def unmount_patiently(self):
        for attempt in range(50):
            try:
                run(self.unmount_command())
                return
            except CannotDo:
                if attempt == 49 or not os.path.ismount(self.directory):
                    raise
                time.sleep(0.2)

    def is_mounted(self):
        try:
            return os.path.ismount(self.directory)
        except OSError:
            return True  # a mount whose daemon has died

    def settle(self):
        """Writes all dirty data to the image, so that one row does not pay for the one before."""
        if self.is_mounted():
            run(["sync", "-f", self.directory])
            self.write_back()
        with open(self.image, "rb+") as image:
            os.fsync(image.fileno())

    def write_back(self):
        """Has the daemon write what the kernel has given it and it still keeps; the peers keep nothing."""

    def forget_image(self):
        """Drops the image from the page cache."""
        with open(self.image, "rb+") as image:
            os.fsync(image.fileno())
            os.posix_fadvise(image.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def make_cold(self):
        """Makes kernel and daemon forget the volume."""
        self.unmount()
        self.forget_image()
        self.mount()

    def memory(self):
        """The daemon's memory in bytes: (resident now, resident at most)."""
        pid = self.find_daemon()
        if pid is None:
            raise CannotDo("the kernel serves it")
        sizes = {}
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(("VmRSS:", "VmHWM:")):
                    sizes[line[:5]] = int(line.split()[1]) * 1024
        return sizes["VmRSS"], sizes["VmHWM"]

    def remove(self):
        """Removes everything, whatever happened."""
        if self.is_mounted():
            try:
                self.unmount()
            except (CannotDo, OSError):
                subprocess.run(["umount", "-l", self.directory], check=False, stderr=subprocess.DEVNULL)
        if os.path.exists(self.image):
            os.unlink(self.image)


class Spindle(FileSystem):
    name = "spindle"
    about = "mkfs.spindle IMAGE; spindle mount IMAGE DIR"
    binaries = ""

    def program(self, name):
        return os.path.join(self.binaries, name) if self.binaries else name

    def format_command(self):
        return [self.program("mkfs.spindle"), "-q", self.image]

    def mount_command(self):
        return [self.program("spindle"), "mount", *self.options(), self.image, self.directory]

    def unmount_command(self):
        return [self.program("spindle"), "umount", self.directory]

    def write_back(self):
        with open(os.path.join(self.directory, ".spindle/volume/sync"), "w", encoding="ascii") as control:
            control.write("1")

    def check_command(self):
        return [self.program("fsck.spindle"), "-f", "-n", self.image]


class Fuse2fs(FileSystem):
    name = "fuse2fs"
    about = "mkfs.ext4 IMAGE; fuse2fs IMAGE DIR"

    def format_command(self):
        return ["mkfs.ext4", "-q", "-F", self.image]

    def mount_command(self):
        return ["fuse2fs", *self.options(), self.image, self.directory]

    def check_command(self):
        return ["e2fsck", "-f", "-n", self.image]


class Ntfs3g(FileSystem):
    name = "ntfs-3g"
    about = "mkntfs --quick IMAGE; ntfs-3g IMAGE DIR"

    def format_command(self):
        return ["mkntfs", "--quick", "--quiet", "--force", "--partition-start", "0", "--sectors-per-track", "0",
                "--heads", "0", self.image]

    def mount_command(self):
        return ["ntfs-3g", *self.options(), self.image, self.directory]

    def check_command(self):
        raise CannotDo("ntfs-3g has no program that checks a volume")


class Ext4(FileSystem):
    name = "ext4"
    about = "mkfs.ext4 IMAGE; mount -t ext4 -o loop IMAGE DIR"

    def format_command(self):
        return ["mkfs.ext4", "-q", "-F", self.image]

    def mount_command(self):
        options = ",".join(filter(None, ["loop", self.mount_options]))
        return ["mount", "-t", "ext4", "-o", options, self.image, self.directory]

    def check_command(self):
        return ["e2fsck", "-f", "-n", self.image]


ALL = {kind.name: kind for kind in (Spindle, Fuse2fs, Ntfs3g, Ext4)}
PEERS = ("fuse2fs", "ntfs-3g", "ext4")
