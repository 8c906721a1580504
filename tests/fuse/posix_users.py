"""posix_users.py FOLDER: what POSIX and Linux promise where several users meet. Run by posix.sh, as root, on a mount
with allow_other."""
import errno, os, stat, struct, subprocess

from posix_support import *

OTHER = 65534
CAPABILITY = struct.pack("<IIIII", 0x02000000, 1 << 10, 0, 0, 0)      # cap_net_bind_service, permitted


class Users(PosixCase):
    def setUp(self):
        super().setUp()
        os.chmod(self.at, 0o777)

    def set_user_file(self, mode=0o6777):
        path = self.make("a", b"x" * 8192)
        os.chown(path, OTHER, OTHER)
        os.chmod(path, mode)
        os.setxattr(path, "security.capability", CAPABILITY)
        return path

    def test_writing_takes_privileges_away(self):
        def write(path):
            with open(path, "r+b") as file:
                file.write(b"y")

        def write_directly(path):
            descriptor = os.open(path, os.O_RDWR | os.O_DIRECT)
            os.pwritev(descriptor, [mmap.mmap(-1, BLOCK)], 0)

        def change_space(path):
            descriptor = os.open(path, os.O_RDWR)
            fallocate(descriptor, PUNCH_HOLE | KEEP_SIZE, 0, BLOCK)

        def copy(path):
            descriptor = os.open(path, os.O_RDWR)
            os.copy_file_range(descriptor, descriptor, 100, 0, 4096)

        for change in (write, write_directly, change_space, copy, lambda path: os.truncate(path, 100)):
            path = self.set_user_file()
            self.as_other(lambda: change(path) is None)
            self.assertEqual(self.mode("a"), 0o777)
            self.assertNotIn("security.capability", os.listxattr(path))
            # Setgid without execution for the group is not a privilege of the group.
            path = self.set_user_file(0o6766)
            self.as_other(lambda: change(path) is None)
            self.assertEqual(self.mode("a") & 0o6000, 0o2000)
            for group, kept in ((4321, 0), (77, 0o2000)):
                os.chown(path, OTHER, group)
                os.chmod(path, 0o6766)
                self.as_other(lambda: change(path) is None, groups=[76, 77])
                self.assertEqual(self.mode("a") & 0o6000, kept)

    def test_root_keeps_setuid(self):
        path = self.set_user_file()
        descriptor = os.open(path, os.O_RDWR)
        os.pwrite(descriptor, b"y", 0)
        fallocate(descriptor, ZERO_RANGE, 0, 100)
        os.copy_file_range(descriptor, descriptor, 100, 0, 4096)
        os.fsync(descriptor)
        os.close(descriptor)
        self.assertEqual(self.mode("a"), 0o6777)
        os.chown(path, 1, 1)
        self.assertEqual(self.mode("a"), 0o777)

    def test_chown_to_nobody_else_clears_setuid(self):
        path = self.set_user_file()
        os.chown(path, -1, -1)
        self.assertEqual(self.mode("a"), 0o777)
        os.chmod(path, 0o6766)
        os.chown(path, -1, -1)
        self.assertEqual(self.mode("a"), 0o2766)
        os.chmod(path, 0o6777)
        os.utime(path), os.truncate(path, 10)
        self.assertEqual(self.mode("a"), 0o6777)
        os.mkdir(self.path("d"))
        os.chmod(self.path("d"), 0o6777)
        os.chown(self.path("d"), -1, -1)
        self.assertEqual(self.mode("d"), 0o6777)
        os.mkfifo(self.path("fifo"))
        os.chmod(self.path("fifo"), 0o6777)
        os.utime(self.path("fifo"))
        self.assertEqual(self.mode("fifo"), 0o6777)
        os.chown(self.path("fifo"), -1, -1)
        self.assertEqual(self.mode("fifo"), 0o777)

    def test_a_stranger_takes_no_privilege_away(self):
        for name in ("file", "fifo"):
            self.make(name) if name == "file" else os.mkfifo(self.path(name))
            os.chmod(self.path(name), 0o6777)
            self.as_other(lambda: self.refuses(errno.EPERM, os.chown, self.path(name), -1, -1) is None)
            self.assertEqual(self.mode(name), 0o6777)
            os.chown(self.path(name), 0, 77)
            for mode in (0o777, 0o2766):                  # setgid stays, so nothing is taken away
                os.chmod(self.path(name), mode)
                self.as_other(lambda: os.chown(self.path(name), -1, -1) is None, groups=[77])
                self.assertEqual(self.mode(name), mode)

    def test_trusted_attributes_are_hidden(self):
        path = self.make("a")
        os.chmod(path, 0o666)
        os.setxattr(path, "user.open", b"1")
        os.setxattr(path, "trusted.secret", b"2")
        self.assertEqual(sorted(os.listxattr(path)), ["trusted.secret", "user.open"])
        self.as_other(lambda: os.listxattr(path) == ["user.open"])

    def test_acl_of_a_stranger_clears_setgid(self):
        path = self.make("a")
        os.chown(path, OTHER, 4321)
        os.chmod(path, 0o2777)
        self.as_other(lambda: subprocess.run(["setfacl", "-m", "u:1:rwx", path]).returncode == 0)
        self.assertEqual(self.mode("a"), 0o777)
        os.chmod(path, 0o2777)
        subprocess.run(["setfacl", "-m", "u:2:rwx", path], check=True)
        self.assertEqual(self.mode("a"), 0o2777)

    def test_setgid_of_a_stranger(self):
        os.mkdir(self.path("d"))
        os.chown(self.path("d"), OTHER, 4321)
        os.chmod(self.path("d"), 0o2777)

        def make():
            os.umask(0)
            os.close(os.open(self.path("d/f"), os.O_CREAT | os.O_WRONLY, 0o2777))
            os.mkdir(self.path("d/e"))
        self.as_other(lambda: make() is None)
        self.assertEqual((self.mode("d/f"), self.mode("d/e")), (0o777, 0o2777))
        self.assertEqual(os.stat(self.path("d/f")).st_gid, 4321)
        os.chmod(self.path("d/f"), 0o777)
        self.as_other(lambda: os.chmod(self.path("d/f"), 0o2777) is None)
        self.assertEqual(self.mode("d/f"), 0o777)

    def test_sticky_directories(self):
        os.chmod(self.at, 0o1777)
        self.make("roots"), os.mkdir(self.path("folder"))
        os.chmod(self.path("folder"), 0o777)

        def try_all():
            self.refuses(errno.EPERM, os.unlink, self.path("roots"))
            self.refuses(errno.EPERM, os.rename, self.path("roots"), self.path("mine"))
            self.refuses(errno.EPERM, os.rmdir, self.path("folder"))
            self.make("own")
            self.refuses(errno.EPERM, os.rename, self.path("own"), self.path("roots"))
            os.rename(self.path("own"), self.path("still own"))
            os.unlink(self.path("still own"))
        self.as_other(lambda: try_all() is None)

    def test_inherited_acl(self):
        subprocess.run(["setfacl", "-d", "-m", "u::rwx,g::r-x,o::---,u:1:rwx,m::rwx", self.at], check=True)
        os.umask(0o077)                                   # a default ACL takes the umask's place
        os.close(os.open(self.path("f"), os.O_CREAT | os.O_WRONLY, 0o666))
        os.mkdir(self.path("d"))
        os.umask(0o022)
        self.assertEqual((self.mode("f"), self.mode("d")), (0o660, 0o770))
        shown = subprocess.run(["getfacl", "-cnp", self.path("d")], check=True, capture_output=True).stdout
        self.assertIn(b"default:user:1:rwx", shown)
        self.as_other(lambda: not os.access(self.path("f"), os.R_OK))

    def test_times_of_others(self):
        path = self.make("a")
        os.chmod(path, 0o666)

        def try_all():
            os.utime(path)                                # now: whoever may write
            self.refuses(errno.EPERM, os.utime, path, (1, 1))
            self.refuses(errno.EPERM, os.chmod, path, 0o600)
            self.refuses(errno.EPERM, os.chown, path, OTHER, OTHER)
        self.as_other(lambda: try_all() is None)


run()
