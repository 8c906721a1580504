#!/bin/bash
# The daemon is killed at random moments under load, ten times. After each: the volume mounts again, what an fsync had
# acknowledged is there, and fsck.spindle finds nothing. SEED=number repeats the moments of a run.
. "$(dirname "$0")/library.sh"
seed=${SEED:-$RANDOM}
echo "seed $seed"
RANDOM=$seed

# Works until the mount dies. A line is added to the list, outside the mount, once an fsync has answered for it.
write_load() {
  python3 - "$mnt" "$1" "$2" "$3" <<'PYTHON'
import hashlib, os, random, sys
mount, writer, round_number, seed = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4]
chance = random.Random(seed)
record = open(f"acknowledged.{writer}", "a", buffering=1)
folder = f"{mount}/writer-{writer}"
strategies = [b"contiguous", b"linked", b"fat", b"indexed", b"extent"]
count = 0
try:
    os.makedirs(folder, exist_ok=True)
    directory = os.open(folder, os.O_RDONLY)
    open(f"begun.{writer}", "w").close()
    while True:
        count += 1
        name = f"{round_number}-{count}"
        data = hashlib.sha256(name.encode()).digest() * chance.randrange(1, 3000)
        with open(f"{folder}/{name}", "wb") as file:
            os.setxattr(file.fileno(), "user.spindle.alloc", chance.choice(strategies))
            file.write(data)
            file.flush()
            if chance.random() < 0.5:
                os.fsync(file.fileno())
                os.fsync(directory)
                record.write(f"+ {name} {hashlib.sha256(data).hexdigest()}\n")
        if chance.random() < 0.4:
            victim = chance.choice(os.listdir(folder))
            how = chance.random()
            record.write(f"? {victim}\n")           # from here on it may be gone or changed
            if how < 0.5:
                os.unlink(f"{folder}/{victim}")
            elif how < 0.8:
                os.rename(f"{folder}/{victim}", f"{folder}/renamed-{name}")
            else:
                os.truncate(f"{folder}/{victim}", chance.randrange(100000))
except OSError:
    pass                                            # the mount is dead
PYTHON
}

verify() {
  python3 - "$mnt" <<'PYTHON'
import glob, hashlib, os, sys
files = 0
for record in glob.glob("acknowledged.*"):
    folder = f"{sys.argv[1]}/writer-{record.split('.')[1]}"
    must = {}
    for line in open(record):
        kind, name, *digest = line.split()
        if kind == "+":
            must[name] = digest[0]
        else:
            must.pop(name, None)
    for name, digest in must.items():
        data = open(f"{folder}/{name}", "rb").read()
        assert hashlib.sha256(data).hexdigest() == digest, f"{folder}/{name}: {len(data)} other bytes"
    files += len(must)
for folder, _, names in os.walk(sys.argv[1]):
    if "/.spindle" not in folder:
        for name in names:
            open(f"{folder}/{name}", "rb").read()
print(files)
PYTHON
}

# The kernel may let a thread of the daemon wait, deaf to signals, for pages that the daemon itself has to write; asking
# for holes in a file that is being written does so. If the daemon is killed then, it must end all the same, and so must
# those that wait for it.
kill_while_it_waits_for_the_kernel() {
  local signal=$1
  new_volume 64M
  mount_volume cache=1M
  echo 1000 >"$mnt/.spindle/disk/pace"
  python3 - "$mnt/file" <<'PYTHON' &
import os, sys
descriptor = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
os.write(descriptor, bytes(8 << 20))
try:
    os.lseek(descriptor, 0, os.SEEK_HOLE)
except OSError:
    os._exit(0)                                     # and no close, which could wait, too
os._exit(1)
PYTHON
  local program=$! tries=0
  until grep -q '^State:[[:space:]]*D' /proc/"$daemon"/task/*/status; do
    is_alive "$program" || fail "asking for holes waits for nothing"
    sleep 0.05
  done
  kill -"$signal" "$daemon"
  while has_threads "$daemon"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 400 ]; then
      umount -f "$mnt" || true                      # lets all go that wait
      fail "the killed daemon does not end"
    fi
    sleep 0.05
  done
  wait "$program" || fail "whoever asked for holes was not told that the daemon is gone"
  ! is_mounted "$mnt" || umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
  check_volume_after_crash "after it waited for the kernel"
  step "killed by $signal while it waited for the kernel"
}

# A zombie has one thread left, the first; it has more while others cannot end.
has_threads() { [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -gt 1 ] || is_alive "$1"; }

# A crash is not damage.
check_volume_after_crash() {
  fsck.spindle -n "$image" >fsck.log 2>&1 || fail "$1: fsck.spindle -n answers $?: $(cat fsck.log)"
}

# Who gives up the conversion of a large file need not wait for its end.
kill_who_converts() {
  step "setfattr is killed"
  new_volume 16G
  mount_volume
  fallocate -l 8G "$mnt/file"
  setfattr -n user.spindle.alloc -v linked "$mnt/file" &
  sleep 0.3
  kill -TERM $!
  ! wait $! || fail "the conversion went on to its end"
  expect extent "$(getfattr --only-values -n user.spindle.alloc "$mnt/file")" "the strategy"
  unmount_volume
  check_volume
}
kill_who_converts

ulimit -c 0
signals=(KILL ABRT SEGV BUS QUIT XCPU)
kill_while_it_waits_for_the_kernel "${signals[RANDOM % ${#signals[@]}]}"

new_volume 128M
mount_volume
ever_kept=0
for round in $(seq 10); do
  [ $((round % 2)) = 0 ] && options=commit=1 || options=commit=1,data=journal
  writers=()
  rm -f begun.*
  for writer in 1 2 3; do
    write_load $writer "$round" $RANDOM &
    writers+=($!)
  done
  until [ -e begun.1 ] && [ -e begun.2 ] && [ -e begun.3 ]; do
    is_alive "${writers[0]}" || fail "the writers ended before the daemon was killed"
    sleep 0.05
  done
  sleep "0.$((RANDOM % 8 + 1))$((RANDOM % 10))"
  sleep 0.5
  kill -9 "$daemon"
  wait "${writers[@]}"
  umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
  while is_alive "$daemon"; do sleep 0.05; done

  # Either fsck or the mount does the replay.
  check_volume_after_crash "round $round"
  if [ $((round % 3)) = 0 ]; then
    fsck.spindle -p "$image" >fsck.log 2>&1 || fail "round $round: fsck.spindle -p answers $?: $(cat fsck.log)"
    check_volume
  fi
  mount_volume "$options"
  kept=$(verify) || fail "round $round: an acknowledged fsync is lost"
  ever_kept=$((ever_kept + kept))
  unmount_volume
  check_volume
  step "round $round: $kept files as they were acknowledged"
  mount_volume "$options"
  # Room for the next round.
  if [ "$(stat -f -c '%a' "$mnt")" -lt 12000 ]; then rm -rf "$mnt"/writer-* acknowledged.*; fi
done
[ "$ever_kept" -gt 0 ] || fail "no fsync was ever acknowledged"
unmount_volume
check_volume
