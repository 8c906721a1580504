"""Shared by the posix_*.py: system calls that Python lacks, and a folder for each case, in the folder that is named
as the first argument."""
import ctypes, errno, fcntl, mmap, os, signal, stat, subprocess, sys, time, unittest

FOLDER = sys.argv.pop(1)
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, NOREPLACE, EXCHANGE, WHITEOUT = -100, 1, 2, 4
KEEP_SIZE, PUNCH_HOLE, COLLAPSE, ZERO_RANGE, INSERT = 1, 2, 8, 16, 32
BLOCK = 4096


def checked(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def renameat2(old, new, flags):
    checked(LIBC.renameat2(AT_FDCWD, old.encode(), AT_FDCWD, new.encode(), flags))


def fallocate(descriptor, mode, offset, length):
    checked(LIBC.fallocate(descriptor, mode, ctypes.c_long(offset), ctypes.c_long(length)))


def link_descriptor(descriptor, name):
    follow = 0x400
    checked(LIBC.linkat(AT_FDCWD, f"/proc/self/fd/{descriptor}".encode(), AT_FDCWD, name.encode(), follow))


def handle_of(path):
    """The file's handle, as name_to_handle_at(2) gives it."""
    handle = ctypes.create_string_buffer((128).to_bytes(4, "little"), 136)
    checked(LIBC.name_to_handle_at(AT_FDCWD, path.encode(), handle, ctypes.byref(ctypes.c_int()), 0))
    return handle


def open_by_handle(folder, handle):
    at = os.open(folder, os.O_RDONLY)
    try:
        return checked(LIBC.open_by_handle_at(at, handle, os.O_RDONLY))
    finally:
        os.close(at)


KERNEL = tuple(int(number) for number in os.uname().release.split(".")[:2])
# Before this version statx(2) does not reach a FUSE file system, and the time of birth is unknown.
KERNEL_ASKS_FOR_BIRTH_TIMES = KERNEL >= (6, 6)
# Before this version an fsync that fails does not wait for the writes that are still under way: they can fail after it.
FSYNC_TELLS_ALL_AT_ONCE = KERNEL >= (6, 16)


def birth_time(path):
    buffer = ctypes.create_string_buffer(256)
    checked(LIBC.statx(AT_FDCWD, path.encode(), 0, 0xFFF, buffer))
    assert int.from_bytes(buffer.raw[0:4], "little") & 0x800, "no birth time"
    return int.from_bytes(buffer.raw[0x50:0x58], "little") + int.from_bytes(buffer.raw[0x58:0x5C], "little") / 1e9


class PosixCase(unittest.TestCase):
    def setUp(self):
        self.at = f"{FOLDER}/{self.id().split('.')[-1]}"
        os.mkdir(self.at)

    def path(self, name):
        return f"{self.at}/{name}"

    def make(self, name, data=b""):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def refuses(self, number, call, *arguments):
        with self.assertRaises(OSError) as caught:
            call(*arguments)
        self.assertEqual(errno.errorcode[caught.exception.errno], errno.errorcode[number])

    def mode(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def becomes_true(self, condition):
        """Waits for what the file system does after `close` has returned."""
        end = time.monotonic() + 60
        while not condition() and time.monotonic() < end:
            time.sleep(0.01)
        self.assertTrue(condition())

    def as_other(self, work, groups=()):
        """Runs `work` as user 65534 in a process of its own; its return value must be true."""
        child = os.fork()
        if child == 0:
            try:
                os.setgroups(groups)
                os.setgid(65534)
                os.setuid(65534)
                os._exit(0 if work() else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


def run():
    signal.alarm(120)
    unittest.main(verbosity=0)
