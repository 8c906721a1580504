"""posix_contents.py FOLDER: what POSIX and Linux promise of contents, attributes and locks. Run by posix.sh."""
import errno, fcntl, mmap, os, stat, subprocess, time, unittest

from posix_support import *


class Contents(PosixCase):
    def test_holes(self):
        path = self.make("a")
        with open(path, "r+b") as file:
            file.seek(64 * BLOCK)
            file.write(b"x" * BLOCK)
            file.flush()
            os.fsync(file.fileno())
            data = os.lseek(file.fileno(), 0, os.SEEK_DATA)
            self.assertIn(data, (0, 64 * BLOCK))
            if data:
                self.assertLess(os.fstat(file.fileno()).st_blocks * 512, 8 * BLOCK)
                self.assertEqual(os.lseek(file.fileno(), 0, os.SEEK_HOLE), 0)
            self.assertEqual(os.lseek(file.fileno(), 64 * BLOCK, os.SEEK_HOLE), 65 * BLOCK)
            self.refuses(errno.ENXIO, os.lseek, file.fileno(), 65 * BLOCK, os.SEEK_DATA)
        self.assertEqual(self.read("a"), bytes(64 * BLOCK) + b"x" * BLOCK)

    def test_holes_of_what_was_just_written(self):
        """The kernel may hold data back; that does not make it a hole."""
        for flags in (os.O_RDWR, os.O_RDWR | os.O_APPEND):
            descriptor = os.open(self.path("a"), os.O_CREAT | os.O_TRUNC | flags)
            os.write(descriptor, b"x" * 100000)
            self.assertEqual(os.lseek(descriptor, 0, os.SEEK_DATA), 0)
            self.assertEqual(os.lseek(descriptor, 0, os.SEEK_HOLE), 100000)
            os.write(descriptor, b"y" * 10)
            reader = os.open(self.path("a"), os.O_RDONLY)
            self.assertEqual(os.lseek(reader, 100000, os.SEEK_DATA), 100000)
            os.close(reader), os.close(descriptor)
        descriptor = os.open(self.path("m"), os.O_CREAT | os.O_RDWR)
        os.ftruncate(descriptor, 10 * BLOCK)
        shared = mmap.mmap(descriptor, 10 * BLOCK)
        os.close(descriptor)
        shared[5 * BLOCK:5 * BLOCK + 4] = b"data"
        reader = os.open(self.path("m"), os.O_RDONLY)
        self.assertLessEqual(os.lseek(reader, 0, os.SEEK_DATA), 5 * BLOCK)
        self.assertGreater(os.lseek(reader, 5 * BLOCK, os.SEEK_HOLE), 5 * BLOCK)
        os.close(reader), shared.close()

    def test_fallocate(self):
        blocks = [bytes([65 + i]) * BLOCK for i in range(16)]
        path = self.make("a", b"".join(blocks))
        wanted = bytearray(b"".join(blocks))
        descriptor = os.open(path, os.O_RDWR)
        for mode, offset, length in [(PUNCH_HOLE | KEEP_SIZE, 3 * BLOCK + 100, 2 * BLOCK), (ZERO_RANGE, 50, 7000),
                                     (ZERO_RANGE | KEEP_SIZE, 15 * BLOCK, 4 * BLOCK)]:
            fallocate(descriptor, mode, offset, length)
            end = min(len(wanted), offset + length)
            wanted[offset:end] = bytes(end - offset)
            self.assertEqual(self.read("a"), wanted)
        fallocate(descriptor, 0, 10 * BLOCK, 10 * BLOCK)
        wanted += bytes(4 * BLOCK)
        self.assertEqual(self.read("a"), wanted)
        fallocate(descriptor, KEEP_SIZE, 20 * BLOCK, 4 * BLOCK)
        self.assertEqual(os.fstat(descriptor).st_size, 20 * BLOCK)
        # Linux keeps these two from FUSE file systems; they must not do half of it.
        self.refuses(errno.EOPNOTSUPP, fallocate, descriptor, COLLAPSE, 2 * BLOCK, 3 * BLOCK)
        self.refuses(errno.EOPNOTSUPP, fallocate, descriptor, INSERT, BLOCK, 2 * BLOCK)
        self.assertEqual(self.read("a"), wanted)
        os.close(descriptor)

    def test_fallocate_far_beyond_the_end(self):
        """Whoever punches to the largest offset there is means the end, and does not wait for all that is not there."""
        descriptor = os.open(self.make("a", b"x" * 3 * BLOCK), os.O_RDWR)
        for offset in (2 * BLOCK + 10, BLOCK):
            fallocate(descriptor, PUNCH_HOLE | KEEP_SIZE, offset, (1 << 63) - 1 - offset)
            self.assertEqual(self.read("a"), b"x" * offset + bytes(3 * BLOCK - offset))
        os.close(descriptor)

    def test_attributes(self):
        path = self.make("a")
        os.setxattr(path, "user.one", b"1")
        os.setxattr(path, "user.large", b"v" * 3000)
        self.refuses(errno.EEXIST, os.setxattr, path, "user.one", b"2", os.XATTR_CREATE)
        self.refuses(errno.ENODATA, os.setxattr, path, "user.two", b"2", os.XATTR_REPLACE)
        self.assertEqual(sorted(os.listxattr(path)), ["user.large", "user.one"])
        self.assertEqual(os.getxattr(path, "user.large"), b"v" * 3000)
        os.removexattr(path, "user.one")
        self.refuses(errno.ENODATA, os.getxattr, path, "user.one")
        if os.geteuid() == 0:
            os.setxattr(path, "trusted.t", b"\0\1")
            os.setxattr(path, "security.s", b"s")
            self.assertEqual(os.getxattr(path, "trusted.t"), b"\0\1")

    def test_access_control_lists(self):
        os.mkdir(self.path("d"))
        subprocess.run(["setfacl", "-m", "u:1000:rwx,g:100:r", "-d", "-m", "u:1000:rw", self.path("d")], check=True)
        self.make("d/inherits")
        shown = subprocess.run(["getfacl", "-cnp", self.path("d/inherits")], check=True, capture_output=True).stdout
        self.assertIn(b"user:1000:rw-", shown)
        path = self.make("f")
        os.chmod(path, 0o640)
        subprocess.run(["setfacl", "-m", "u:1000:rwx", path], check=True)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o670)
        os.chmod(path, 0o600)
        shown = subprocess.run(["getfacl", "-cnp", path], check=True, capture_output=True).stdout
        self.assertIn(b"mask::---", shown)
        subprocess.run(["setfacl", "-b", path], check=True)
        self.assertNotIn("system.posix_acl_access", os.listxattr(path))

    def test_locks(self):
        path = self.make("a")
        first, second = open(path, "r+"), open(path, "r+")
        fcntl.flock(first, fcntl.LOCK_EX)
        self.refuses(errno.EAGAIN, fcntl.flock, second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(first, fcntl.LOCK_UN)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(first, fcntl.LOCK_EX, 10, 0)
        child = os.fork()
        if child == 0:
            try:
                fcntl.lockf(second, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 20)     # another range
                fcntl.lockf(second, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
            except BlockingIOError:
                os._exit(0)
            os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        first.close(), second.close()

    def test_mmap(self):
        path = self.make("a", bytes(10 * BLOCK))
        with open(path, "r+b") as file:
            shared = mmap.mmap(file.fileno(), 0)
            private = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
            private[0:4] = b"mine"
            shared[5 * BLOCK - 2:5 * BLOCK + 2] = b"both"
            shared.flush()
            self.assertEqual(os.pread(file.fileno(), 4, 5 * BLOCK - 2), b"both")
            os.pwrite(file.fileno(), b"seen", 8 * BLOCK)
            self.assertEqual(shared[8 * BLOCK:8 * BLOCK + 4], b"seen")
            shared.close(), private.close()
        self.assertEqual(self.read("a")[:4], bytes(4))

    def test_appending_copying_and_direct(self):
        path = self.make("a", b"x" * 5000)
        with open(path, "ab") as file:
            file.write(b"y")
        source, target = os.open(path, os.O_RDONLY), os.open(self.path("b"), os.O_RDWR | os.O_CREAT)
        self.assertEqual(os.copy_file_range(source, target, 5001, 0, 3), 5001)
        self.assertEqual(self.read("b"), bytes(3) + b"x" * 5000 + b"y")
        os.ftruncate(target, 10)
        os.ftruncate(target, 20)
        self.assertEqual(self.read("b"), bytes(3) + b"x" * 7 + bytes(10))
        direct = os.open(path, os.O_RDWR | os.O_DIRECT)
        page = mmap.mmap(-1, BLOCK)
        page[:] = b"d" * BLOCK
        self.assertEqual(os.pwritev(direct, [page], 0), BLOCK)
        self.assertEqual(self.read("a"), b"d" * BLOCK + b"x" * (5000 - BLOCK) + b"y")
        for descriptor in (source, target, direct):
            os.close(descriptor)


run()
