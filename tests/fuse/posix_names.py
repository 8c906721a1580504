"""posix_names.py FOLDER: what POSIX and Linux promise of names, links, modes and times. Run by posix.sh."""
import errno, fcntl, mmap, os, stat, subprocess, time, unittest

from posix_support import *


class Names(PosixCase):
    def test_link_counts(self):
        path = self.make("a", b"text")
        for i in range(100):
            os.link(path, self.path(f"link-{i}"))
        self.assertEqual(os.stat(path).st_nlink, 101)
        os.unlink(path)
        self.assertEqual(os.stat(self.path("link-5")).st_nlink, 100)
        self.assertEqual(self.read("link-99"), b"text")
        before = os.stat(self.at).st_nlink
        os.makedirs(self.path("d/e"))
        self.assertEqual(os.stat(self.at).st_nlink, before + 1)
        self.assertEqual(os.stat(self.path("d")).st_nlink, 3)
        self.refuses(errno.EPERM, os.link, self.path("d"), self.path("d2"))
        self.refuses(errno.ENOTEMPTY, os.rmdir, self.path("d"))

    def test_rename(self):
        a, b = self.make("a", b"A"), self.make("b", b"B")
        self.refuses(errno.EEXIST, renameat2, a, b, NOREPLACE)
        renameat2(a, b, EXCHANGE)
        self.assertEqual((self.read("a"), self.read("b")), (b"B", b"A"))
        renameat2(a, self.path("c"), NOREPLACE)
        self.assertEqual(sorted(os.listdir(self.at)), ["b", "c"])
        os.makedirs(self.path("x/y"))
        os.mkdir(self.path("z"))
        self.refuses(errno.EINVAL, os.rename, self.path("x"), self.path("x/y/x"))
        self.refuses(errno.ENOTEMPTY, os.rename, self.path("z"), self.path("x"))
        self.refuses(errno.EISDIR, os.rename, b, self.path("z"))
        self.refuses(errno.ENOTDIR, os.rename, self.path("z"), b)
        renameat2(self.path("x/y"), b, EXCHANGE)
        self.assertEqual(os.stat(self.path("x")).st_nlink, 2)
        self.assertEqual(os.stat(b + "/..").st_ino, os.stat(self.at).st_ino)
        os.rename(self.path("x"), self.path("z"))
        self.assertEqual(os.listdir(self.path("z")), ["y"])

    def test_whiteout(self):
        a, b = self.make("a", b"A"), self.make("b", b"B")
        number = os.stat(a).st_ino
        renameat2(a, b, WHITEOUT)
        left = os.lstat(a)
        self.assertTrue(stat.S_ISCHR(left.st_mode))
        self.assertEqual((left.st_rdev, stat.S_IMODE(left.st_mode), left.st_nlink), (0, 0, 1))
        self.assertEqual((os.stat(b).st_ino, self.read("b")), (number, b"A"))
        os.mkdir(self.path("d"))
        renameat2(self.path("d"), self.path("e"), WHITEOUT | NOREPLACE)
        self.assertEqual(sorted(os.listdir(self.at)), ["a", "b", "d", "e"])
        self.assertTrue(stat.S_ISCHR(os.lstat(self.path("d")).st_mode))
        self.refuses(errno.EINVAL, renameat2, a, b, WHITEOUT | EXCHANGE)
        os.unlink(a), os.unlink(self.path("d"))

    def test_rename_of_links_and_directories(self):
        a = self.make("a", b"A")
        os.link(a, self.path("b"))
        os.rename(a, self.path("b"))                      # two names of one file: nothing happens
        self.assertEqual(sorted(os.listdir(self.at)), ["a", "b"])
        for name in ("x/one", "y/two"):
            os.makedirs(self.path(name))
        renameat2(self.path("x/one"), self.path("y/two"), EXCHANGE)
        self.assertEqual(os.stat(self.path("x/one/..")).st_ino, os.stat(self.path("x")).st_ino)
        renameat2(self.path("x"), self.path("y/two"), EXCHANGE)
        self.assertEqual(os.stat(self.path("x/..")).st_ino, os.stat(self.at).st_ino)
        self.assertEqual(os.stat(self.path("y/two/..")).st_ino, os.stat(self.path("y")).st_ino)
        self.refuses(errno.EINVAL, renameat2, self.path("y"), self.path("y/two"), EXCHANGE)
        self.refuses(errno.EINVAL, os.rename, self.path("y"), self.path("y/two/in"))
        self.refuses(errno.ENOTEMPTY, os.rename, self.path("x"), self.path("y"))
        self.refuses(errno.EBUSY, os.rename, self.path("y/."), self.path("z"))

    def test_listing_while_it_changes(self):
        for i in range(400):
            self.make(f"kept-{i}") if i % 2 else self.make(f"gone-{i}")
        kept = [name for name in os.listdir(self.at) if name.startswith("kept")]
        seen = []
        with os.scandir(self.at) as entries:
            for count, entry in enumerate(entries):
                seen.append(entry.name)
                if count == 50:
                    for i in range(0, 400, 2):
                        os.unlink(self.path(f"gone-{i}"))
                    for i in range(100):
                        self.make(f"new-{i}")
        # A name that was there all the time is listed once, whatever happened to the others.
        self.assertEqual(sorted(name for name in seen if name.startswith("kept")), sorted(kept))
        self.assertEqual(len(seen), len(set(seen)))

    def test_ways(self):
        for i in range(45):
            os.symlink(f"l{i + 1}", self.path(f"l{i}"))
        self.refuses(errno.ELOOP, os.stat, self.path("l0"))
        os.symlink("itself", self.path("itself"))
        self.refuses(errno.ELOOP, os.open, self.path("itself"), os.O_RDONLY)
        self.refuses(errno.ELOOP, os.open, self.path("itself"), os.O_RDONLY | os.O_NOFOLLOW)
        self.make("f")
        self.refuses(errno.ENOTDIR, os.stat, self.path("f/in"))
        self.refuses(errno.ENOENT, os.symlink, "", self.path("empty"))
        self.refuses(errno.ENAMETOOLONG, os.symlink, "t" * 4096, self.path("long"))
        self.refuses(errno.ENAMETOOLONG, os.stat, self.path("/".join(["d" * 200] * 21)))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_permissions(self):
        os.chmod(self.at, 0o1777)
        path = self.make("roots", b"x")
        os.chmod(path, 0o666)
        os.mkdir(self.path("group"))
        os.chown(self.path("group"), 0, 4321)
        os.chmod(self.path("group"), 0o2775)
        inside = self.make("group/file")
        os.mkdir(self.path("group/inner"))
        self.assertEqual(os.stat(inside).st_gid, 4321)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("group/inner")).st_mode) & 0o2000, 0o2000)
        self.assertEqual(stat.S_IMODE(os.stat(self.at).st_mode), 0o1777)
        os.chmod(path, 0o6755)
        os.chown(path, 65534, 65534)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o755)
        # Other users have access only with -o allow_other, whatever the modes say.
        self.as_other(lambda: not os.path.exists(path) and not os.access(self.at, os.X_OK))

    def test_temporary_file(self):
        descriptor = os.open(self.at, os.O_TMPFILE | os.O_RDWR, 0o600)
        os.write(descriptor, b"nameless")
        self.assertEqual(os.fstat(descriptor).st_nlink, 0)
        self.assertEqual(os.listdir(self.at), [])
        link_descriptor(descriptor, self.path("named"))
        os.close(descriptor)
        self.assertEqual(self.read("named"), b"nameless")
        os.close(os.open(self.at, os.O_TMPFILE | os.O_RDWR, 0o600))

    def test_times(self):
        start = time.time()
        path = self.make("a", b"x")
        if KERNEL_ASKS_FOR_BIRTH_TIMES:
            born = birth_time(path)
            self.assertTrue(start - 2 < born < start + 60, (start, born))
        os.utime(path, ns=(1_000_000_000_123_456_789, 2_000_000_000_987_654_321))
        info = os.stat(path)
        self.assertEqual((info.st_atime_ns, info.st_mtime_ns), (1_000_000_000_123_456_789, 2_000_000_000_987_654_321))
        if KERNEL_ASKS_FOR_BIRTH_TIMES:
            self.assertEqual(birth_time(path), born)
        os.utime(path, ns=(-1_500_000_000, 5_000_000_000_000_000_001))
        info = os.stat(path)
        self.assertEqual((info.st_atime_ns, info.st_mtime_ns), (-1_500_000_000, 5_000_000_000_000_000_001))
        for seconds in (-2**31, 2**31, 2**32 + 5, 2**33):
            os.utime(path, (seconds, seconds))
            self.assertEqual((os.stat(path).st_atime, os.stat(path).st_mtime), (seconds, seconds))
        changed = os.stat(path).st_ctime_ns
        time.sleep(0.02)
        os.chmod(path, 0o600)
        self.assertGreater(os.stat(path).st_ctime_ns, changed)
        folder = os.stat(self.at).st_mtime_ns
        time.sleep(0.02)
        os.rename(path, self.path("b"))
        self.assertGreater(os.stat(self.at).st_mtime_ns, folder)

    @unittest.skipUnless(KERNEL_ASKS_FOR_BIRTH_TIMES, "the kernel asks for birth times since Linux 6.6")
    def test_birth_comes_first(self):
        for i in range(20):
            path = self.make(f"f{i}", b"x" * 100)
            self.assertLessEqual(birth_time(path), os.stat(path).st_mtime_ns / 1e9 + 1e-6)

    def test_access_time(self):
        path = self.make("a", b"x" * 10)
        time.sleep(0.05)
        self.read("a")                # what the cache of the kernel answers is a reading, too
        self.becomes_true(lambda: os.stat(path).st_atime_ns > os.stat(path).st_mtime_ns)
        first = os.stat(path).st_atime_ns
        time.sleep(0.05)
        self.read("a")                # relatime: not again, unless it was written in between
        self.assertEqual(os.stat(path).st_atime_ns, first)
        with open(path, "ab") as file:
            file.write(b"y")
        self.assertEqual(os.stat(path).st_atime_ns, first)
        time.sleep(0.05)
        self.read("a")
        self.becomes_true(lambda: os.stat(path).st_atime_ns > first)

    def test_reading_that_keeps_the_access_time(self):
        path = self.make("a", b"x" * 4096)
        os.utime(path, (1000, 1000))
        file = os.open(path, os.O_RDONLY | os.O_NOATIME | os.O_DIRECT)
        self.assertEqual(os.readv(file, [mmap.mmap(-1, 4096)]), 4096)
        os.close(file)
        self.assertEqual(os.stat(path).st_atime, 1000)

    def test_names(self):
        for name in ["n" * 255, "ü" * 127, "new\nline", " ", "-", "...", "\x01\x7f", "*?[]"]:
            self.make(name, name.encode())
            self.assertEqual(self.read(name), name.encode())
            self.assertIn(name, os.listdir(self.at))
        self.refuses(errno.ENAMETOOLONG, self.make, "n" * 256)
        os.mkdir(self.path("d" * 255))
        os.symlink("t" * 4000, self.path("l"))
        self.assertEqual(os.readlink(self.path("l")), "t" * 4000)
        for i in range(3000):
            os.close(os.open(self.path(f"d{'d' * 254}/{i}"), os.O_CREAT | os.O_EXCL))
        self.assertEqual(len(os.listdir(self.path("d" * 255))), 3000)

    def test_deleted_while_open(self):
        path = self.make("a", b"a" * 100000)
        file = open(path, "r+b")
        os.unlink(path)
        self.make("a", b"another")
        file.seek(200000)
        file.write(b"end")
        file.flush()
        self.assertEqual(os.fstat(file.fileno()).st_nlink, 0)
        file.seek(0)
        self.assertEqual(file.read(), b"a" * 100000 + bytes(100000) + b"end")
        file.close()
        folder = os.open(self.at, os.O_RDONLY)
        os.mkdir(self.path("d"))
        inner = os.open(self.path("d"), os.O_RDONLY)
        os.rmdir(self.path("d"))
        self.assertEqual(os.listdir(inner), [])
        self.refuses(errno.ENOENT, lambda: os.open("new", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
        os.close(inner), os.close(folder)

    def test_nameless_file_takes_every_operation(self):
        path = self.make("a", b"a" * 10000)
        descriptor = os.open(path, os.O_RDWR)
        os.setxattr(descriptor, "user.one", b"1")
        os.unlink(path)
        os.ftruncate(descriptor, 5000)
        os.fchmod(descriptor, 0o604)
        os.setxattr(descriptor, "user.two", b"2")
        os.removexattr(descriptor, "user.one")
        fallocate(descriptor, PUNCH_HOLE | KEEP_SIZE, 0, BLOCK)
        os.utime(descriptor, (5, 6))
        os.fsync(descriptor)
        info = os.fstat(descriptor)
        self.assertEqual((info.st_nlink, info.st_size, stat.S_IMODE(info.st_mode), info.st_mtime), (0, 5000, 0o604, 6))
        self.assertEqual(os.listxattr(descriptor), ["user.two"])
        self.assertEqual(os.pread(descriptor, 10000, 0), bytes(BLOCK) + b"a" * (5000 - BLOCK))
        self.refuses(errno.ENOENT, link_descriptor, descriptor, self.path("b"))
        os.close(descriptor)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_handles_of_files(self):
        for name, kind in (("file", 0), ("folder", os.O_DIRECTORY)):
            path = self.path(name)
            os.mkdir(path) if kind else self.make(name, b"by handle")
            number, handle = os.stat(path).st_ino, handle_of(path)
            with open("/proc/sys/vm/drop_caches", "w") as file:
                file.write("2")
            descriptor = open_by_handle(self.at, handle)
            self.assertEqual(os.fstat(descriptor).st_ino, number)
            os.close(descriptor)
            os.rmdir(path) if kind else os.unlink(path)
            self.refuses(errno.ESTALE, open_by_handle, self.at, handle)

    def test_special_files(self):
        os.mkfifo(self.path("fifo"))
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("fifo")).st_mode))
        if os.geteuid() == 0:
            os.mknod(self.path("device"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
            self.assertEqual(os.stat(self.path("device")).st_rdev, os.makedev(1, 3))


run()
