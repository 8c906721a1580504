"""posix_full.py FOLDER: what POSIX and Linux promise on a small volume that runs full. Run by posix.sh."""
import errno, os

from posix_support import *


class Full(PosixCase):
    def test_writing_without_end(self):
        """Nobody calls fsync: `write` itself must say that the volume is full."""
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
