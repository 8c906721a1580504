"""posix_full.py FOLDER: what POSIX and Linux promise on a small volume that runs full. Run by posix.sh."""
import errno, os

from posix_support import *


class Full(PosixCase):
    def test_writing_without_end(self):
        """Without an fsync, `write` itself must say that the volume is full."""
        size = os.statvfs(self.at).f_blocks * os.statvfs(self.at).f_frsize
        for flags in (os.O_WRONLY, os.O_RDWR):
            descriptor = os.open(self.path("a"), os.O_CREAT | os.O_TRUNC | flags)
            written = 0
            with self.assertRaises(OSError) as caught:
                while written < 100 * size:
                    written += os.write(descriptor, b"x" * (1 << 20))
            self.assertEqual(errno.errorcode[caught.exception.errno], "ENOSPC")
            try:
                os.close(descriptor)
            except OSError as error:
                self.assertEqual(errno.errorcode[error.errno], "ENOSPC")
            os.unlink(self.path("a"))

    def write_until_refused(self, descriptor, size):
        with self.assertRaises(OSError) as caught:
            while os.fstat(descriptor).st_size < 100 * size:
                os.write(descriptor, b"x" * (1 << 16))
        self.assertEqual(errno.errorcode[caught.exception.errno], "ENOSPC")

    def hear_of_all_failures(self, descriptor):
        for _ in range(100):
            try:
                return os.fsync(descriptor)
            except OSError as error:
                self.assertEqual(errno.errorcode[error.errno], "ENOSPC")
        self.fail("fsync fails for ever")

    def test_writing_once_there_is_room_again(self):
        """The error for refused data ends with the file to which it belonged."""
        size = os.statvfs(self.at).f_blocks * os.statvfs(self.at).f_frsize
        data = os.urandom(size // 4)
        for is_closed in (True, False):
            filler = os.open(self.path("filler"), os.O_CREAT | os.O_WRONLY)
            os.setxattr(filler, "user.spindle.alloc", b"extent")    # which needs no free run of its length
            fallocate(filler, 0, 0, size * 6 // 8)
            os.close(filler)
            descriptor = os.open(self.path("a"), os.O_CREAT | os.O_RDWR)
            self.write_until_refused(descriptor, size)
            with self.assertRaises(OSError) as caught:
                os.fsync(descriptor)
            self.assertEqual(errno.errorcode[caught.exception.errno], "ENOSPC")
            if not FSYNC_TELLS_ALL_AT_ONCE:
                self.hear_of_all_failures(descriptor)
            if is_closed:
                os.close(descriptor)
                descriptor = os.open(self.path("a"), os.O_RDWR | os.O_TRUNC)
            else:
                os.ftruncate(descriptor, 0)
            os.unlink(self.path("filler"))
            self.assertEqual(os.pwrite(descriptor, data, 0), len(data))
            os.fsync(descriptor)
            os.close(descriptor)
            self.assertEqual(self.read("a"), data)
            os.unlink(self.path("a"))

    def test_reading_what_was_cut_back(self):
        """A program that got the error and gives the unwritten data up does not get it again, least of all from a read."""
        size = os.statvfs(self.at).f_blocks * os.statvfs(self.at).f_frsize
        descriptor = os.open(self.path("a"), os.O_CREAT | os.O_RDWR)
        os.pwrite(descriptor, b"x" * 10000, 0)
        os.fsync(descriptor)
        self.write_until_refused(descriptor, size)
        with self.assertRaises(OSError):
            os.fsync(descriptor)
        if not FSYNC_TELLS_ALL_AT_ONCE:
            self.hear_of_all_failures(descriptor)
        os.ftruncate(descriptor, 10000)
        self.assertEqual(os.pread(descriptor, 20000, 0), b"x" * 10000)
        os.close(descriptor)
        os.unlink(self.path("a"))

    def test_reserving(self):
        """What was granted stays reserved when more is refused."""
        size = os.statvfs(self.at).f_blocks * os.statvfs(self.at).f_frsize
        descriptor = os.open(self.path("a"), os.O_CREAT | os.O_RDWR)
        fallocate(descriptor, KEEP_SIZE, 0, size // 4)
        reserved = os.fstat(descriptor).st_blocks
        for offset in (0, size // 8):
            self.refuses(errno.ENOSPC, fallocate, descriptor, KEEP_SIZE, offset, 2 * size)
            self.assertEqual(os.fstat(descriptor).st_blocks, reserved)
        os.close(descriptor)
        os.unlink(self.path("a"))

    def test_punching_holes(self):
        path, blocks = self.make("a", b"x" * (400 * BLOCK)), 400
        descriptor = os.open(path, os.O_RDWR)
        os.fsync(descriptor)
        filler = os.open(self.path("filler"), os.O_CREAT | os.O_WRONLY)
        for size in (1 << 20, 1 << 16, BLOCK):
            try:
                while True:
                    end = os.fstat(filler).st_size
                    fallocate(filler, 0, end, size)
            except OSError as error:
                self.assertEqual(errno.errorcode[error.errno], "ENOSPC")
        for block in range(0, blocks, 2):
            fallocate(descriptor, PUNCH_HOLE | KEEP_SIZE, block * BLOCK, BLOCK)
        os.fsync(descriptor)
        self.assertEqual(self.read("a"), (bytes(BLOCK) + b"x" * BLOCK) * (blocks // 2))
        os.close(descriptor), os.close(filler)
        os.unlink(self.path("filler"))


run()
