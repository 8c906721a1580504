#!/bin/bash
# The host runs out of room under a sparse image: programs that write get an error, the volume turns read-only when its
# journal cannot be written and says why, and what an fsync has acknowledged is there once the host has room again. The
# image is truncated under the mount: nothing is acknowledged any more, and no write makes the image longer again. And
# many programs write at once while the daemon gets little memory: all are served. And the host gives the daemon no more
# kernel threads: files are served, and the simulated machine, which needs one, says so.
. "$(dirname "$0")/library.sh"
[ "$(id -u)" = 0 ] || skip "needs a small tmpfs, which only root can mount"

host=$work/host
mkdir "$host"
mount -t tmpfs -o size=12M none "$host"
image=$host/image

# Writes and syncs files until it is told that this is impossible; prints how many were acknowledged.
write_until_refused() {
  python3 - "$mnt" acknowledged "$1" <<'PYTHON'
import errno, hashlib, os, sys
mount, record, strategy = sys.argv[1], open(sys.argv[2], "w"), sys.argv[3]
count = 0
refused = None
try:
    os.setxattr(mount, "user.spindle.alloc", strategy.encode())
    while count < 400:
        name = f"file-{count}"
        data = hashlib.sha256(name.encode()).digest() * 4096
        with open(f"{mount}/{name}", "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        record.write(f"{name} {hashlib.sha256(data).hexdigest()}\n")
        count += 1
except OSError as error:
    refused = error.errno
assert refused in (errno.ENOSPC, errno.EIO, errno.EROFS), f"after {count} files: {refused}"
print(count)
PYTHON
}

verify() {
  local name digest
  while read -r name digest; do
    expect "$digest  -" "$(sha256sum <"$mnt/$name")" "$name, which was acknowledged"
  done <acknowledged
}

# Changes are refused from here on, with the reason in the control files.
has_turned_read_only() {
  refuses "Read-only file system" touch "$mnt/new"
  expect failed "$(fact volume state)" "volume/state"
  grep -q "No space left" "$mnt/.spindle/volume/failure" || fail "volume/failure: $(fact volume failure)"
  grep -q '^failed: .*No space left' "$mnt/.spindle/journal/state" || fail "journal/state: $(fact journal state)"
  grep -q . "$mnt/.spindle/last_error" || fail "last_error is empty"
}

for options in data=ordered data=journal sync; do
  for strategy in extent linked; do
    mount -o remount,size=12M "$host"
    new_volume 64M
    mount_volume "$options,commit=1"
    count=$(write_until_refused "$strategy")
    [ "$count" -gt 20 ] || fail "only $count files fit"
    # Data that finds no room stays in memory and is tried again; the journal is tried once.
    for _ in $(seq 1200); do
      if [ "$(fact volume state)" = failed ]; then break; fi
      mkdir "$mnt/folder-$RANDOM$RANDOM" 2>/dev/null || true
      sleep 0.1
    done
    has_turned_read_only
    verify
    if [ "$options" = data=ordered ]; then
      refuses "not all data could be written" spindle umount "$mnt"
      while is_alive "$daemon"; do sleep 0.02; done
    else
      kill -9 "$daemon"
      while is_alive "$daemon"; do sleep 0.02; done
      umount -l "$mnt"
    fi
    mount -o remount,size=80M "$host"
    mount_volume
    verify
    expect read-write "$(fact volume state)" "volume/state of the new mount"
    echo text >"$mnt/text"
    unmount_volume
    check_volume
    step "$options, $strategy: $count files as they were acknowledged"
    rm "$image"
  done
done

step "the image is cut off"
new_volume 64M
mount_volume commit=1
head -c 2M /dev/urandom >"$mnt/before"
sync "$mnt/before"
truncate -s 1M "$image"
echo text >"$mnt/after" 2>/dev/null || true
refuses "" sync "$mnt/after"
refuses "Read-only file system" touch "$mnt/new"
expect failed "$(fact volume state)" "volume/state"
grep -q "cut off" "$mnt/.spindle/last_error" || fail "last_error: $(fact . last_error)"
refuses "not all data could be written" spindle umount "$mnt"
while is_alive "$daemon"; do sleep 0.02; done
expect $((1 << 20)) "$(stat -c %s "$image")" "the length of the image"
refuses "shorter than its volume" fsck.spindle -n "$image"

step "many programs, little memory"
mount -o remount,size=200M "$host"
new_volume 128M
(ulimit -v 350000; spindle mount "$image" "$mnt")
daemon=$(cat "$mnt/.spindle/process_id")
python3 - "$mnt" <<'PYTHON'
import os, sys
children = []
begin, end = os.pipe()
for number in range(500):
    if (child := os.fork()) == 0:
        os.close(end)
        file = os.open(f"{sys.argv[1]}/{number}", os.O_CREAT | os.O_RDWR)
        os.read(begin, 1)                             # until all are there
        for i in range(5):                            # each seek waits until the kernel has written
            assert os.pwrite(file, bytes(5000), 5000 * i) == 5000
            assert os.lseek(file, 0, os.SEEK_DATA) == 0
        for i in range(3):
            assert os.pwrite(file, bytes(5000), 5000 * i) == 5000
            os.fsync(file)
        os._exit(0)
    children.append(child)
os.close(end)
assert not any([os.waitpid(child, 0)[1] for child in children]), "a write failed"
PYTHON
unmount_volume
check_volume
step "no more kernel threads"
chmod 711 "$work"
chown 65534:65534 "$image" "$mnt"
cat >in_namespace <<'SCRIPT'
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
as_user mkfs.spindle -q --force "$1"
as_user spindle mount "$1" "$2"
as_user prlimit --nproc=0 --pid "$(as_user cat "$2/.spindle/process_id")"
as_user dd if=/dev/urandom of="$2/before" bs=1M count=4 conv=fsync status=none
! as_user timeout 60 cat "$2/.spindle/proc/stat" 2>refusal || exit 1
grep -q "Resource temporarily unavailable" refusal
as_user dd if="$2/before" of="$2/after" bs=1M conv=fsync status=none
spindle umount "$2"
SCRIPT
unshare -m --propagation private bash -c '
  mount -t tmpfs -o mode=755 none /dev && mknod -m 666 /dev/fuse c 10 229 && mknod -m 666 /dev/null c 1 3 &&
  mknod -m 666 /dev/urandom c 1 9 && bash -ex in_namespace "$@"' bash "$image" "$mnt" >said 2>&1 || fail "$(tail -n 5 said)"
check_volume
step "done"
