#!/bin/bash
# A full volume answers ENOSPC and nothing else happens to it: df agrees, deleting works, and there is room for as much
# again afterwards.
. "$(dirname "$0")/library.sh"

free_bytes() { stat -f -c '%a %S' "$mnt" | awk '{ printf "%.0f\n", $1 * $2 }'; }

# Writes files into $mnt/full until the volume refuses; prints how many bytes were taken.
fill() {
  python3 - "$mnt/full" "$1" <<'PYTHON'
import errno, hashlib, os, sys
folder, size = sys.argv[1], int(sys.argv[2])
os.makedirs(folder, exist_ok=True)
taken = 0
refused = 0
while refused < 3:                                 # refused for whole pieces, then for the smallest
    path = f"{folder}/{refused}-{taken}"
    data = hashlib.sha256(path.encode()).digest() * (size // 32)
    descriptor = None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        written = 0
        while written < len(data):
            written += os.write(descriptor, data[written:])
        os.fsync(descriptor)
        taken += len(data)
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
        refused += 1
        size = max(4096, size // 16)
        if os.path.exists(path):
            os.unlink(path)
    finally:
        if descriptor is not None:
            try:
                os.close(descriptor)
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
print(taken)
PYTHON
}

# Every file that was acknowledged holds what was written.
verify() {
  python3 - "$mnt/full" <<'PYTHON'
import hashlib, os, sys
folder = sys.argv[1]
for name in os.listdir(folder):
    path = f"{folder}/{name}"
    data = open(path, "rb").read()
    assert data and data == hashlib.sha256(path.encode()).digest() * (len(data) // 32), path
PYTHON
}

try_strategy() {
  local strategy=$1 empty first second left
  step "$strategy"
  new_volume 16M -a "$strategy"
  mount_volume
  mkdir "$mnt/full" "$mnt/other"
  echo before >"$mnt/other/small"
  sync -f "$mnt"
  empty=$(free_bytes)
  first=$(fill 262144)
  left=$(free_bytes)
  [ "$left" -lt 65536 ] || fail "refused with $left bytes free by df"
  [ "$first" -gt $((empty * 9 / 10)) ] || fail "of $empty free bytes only $first could be filled"
  [ "$first" -le "$empty" ] || fail "$first bytes fit into $empty"
  verify
  refuses "No space left" dd if=/dev/zero of="$mnt/other/big" bs=64k count=4 conv=fsync
  rm -f "$mnt/other/big"
  expect before "$(cat "$mnt/other/small")" "a file of before"

  # On the full disk: rename and link need no block, and deleting gives all of it back.
  mv "$mnt/other/small" "$mnt/other/renamed"
  unmount_volume
  check_volume
  mount_volume
  verify
  expect "$left" "$(free_bytes)" "free bytes after a remount of the full volume"
  rm -r "$mnt/full"
  sync -f "$mnt"
  # The kernel releases a file after the close that it answered.
  for _ in $(seq 200); do
    second=$(free_bytes)
    if [ "$second" -ge $((empty - 32768)) ]; then break; fi
    sleep 0.05
  done
  [ "$second" -ge $((empty - 32768)) ] || fail "after deleting, $second of $empty bytes are free"
  second=$(fill 262144)
  [ "$second" -ge $((first * 97 / 100)) ] || fail "only $second bytes fit where $first did"
  verify
  expect before "$(cat "$mnt/other/renamed")" "a file of before"
  unmount_volume
  check_volume
}

# Several programs at once make buffered writes, one after the other: what a close or an fsync acknowledged is there.
race_to_the_end() {
  step "four writers at once"
  new_volume 16M
  mount_volume
  local i
  for i in 1 2 3 4; do
    (
      set +e
      trap - ERR EXIT
      for j in $(seq 200); do
        head -c 30000 /dev/zero | tr '\0' "$i" >"$mnt/$i.$j" && sync "$mnt/$i.$j" &&
          echo "$i.$j" >>"$work/kept.$i"
      done
      exit 0
    ) 2>/dev/null &
  done
  wait
  unmount_volume
  check_volume
  mount_volume
  for i in 1 2 3 4; do
    while read -r name; do
      expect 30000 "$(tr -dc "$i" <"$mnt/$name" | wc -c)" "bytes of $name"
    done <"$work/kept.$i"
  done
  [ "$(cat kept.* | wc -l)" -gt 200 ] || fail "only $(cat kept.* | wc -l) files fit"
  unmount_volume
}

# A file without holes that grows by much is filled with zeros for long. Whoever waits for it can be killed, and then the
# space is there again.
give_up_growing() {
  step "growth that is killed"
  new_volume 16G -a linked
  mount_volume
  local empty
  empty=$(free_bytes)
  for grow in "truncate -s" "fallocate -l"; do
    $grow 15G "$mnt/grown" &
    sleep 0.2
    kill -KILL $!
    wait $! && fail "$grow 15G came to its end in a moment"
    expect 0 "$(stat -c %s "$mnt/grown")" "bytes of a file after a killed $grow"
    expect "$empty" "$(free_bytes)" "free bytes after a killed $grow"
  done
  unmount_volume
  check_volume
  rm "$image"
}

# Whoever deletes a file and asks for the room in the same moment sees it.
ask_at_once() {
  step "room after a deletion"
  new_volume 40M
  mount_volume
  python3 - "$mnt" <<'PYTHON'
import os, sys
folder = sys.argv[1]
for i in range(60):
    path = f"{folder}/{i}"
    with open(path, "wb") as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
    before = os.statvfs(folder)
    os.unlink(path)
    after = os.statvfs(folder)
    freed = (after.f_bfree - before.f_bfree) * after.f_frsize
    assert freed >= 1 << 20, f"{freed} bytes became free with file {i}"
    assert after.f_ffree == before.f_ffree + 1, f"no inode became free with file {i}"
PYTHON
  unmount_volume
  check_volume
}

# Inodes run out before blocks do.
run_out_of_inodes() {
  step "inodes"
  new_volume 16M -N 64
  mount_volume
  local i=0
  while : 2>/dev/null >"$mnt/name-$i"; do
    i=$((i + 1))
    [ "$i" -lt 20000 ] || fail "inodes never run out"
  done
  expect 0 "$(stat -f -c %d "$mnt")" "free inodes"
  refuses "No space left" mkdir "$mnt/directory"
  rm "$mnt/name-0"
  mkdir "$mnt/directory"
  unmount_volume
  check_volume
}

# A contiguous file lies in one group, here of 8 MiB: writing more fails, though there is room.
run_out_of_a_group() {
  step "a contiguous file of more than a group"
  new_volume 40M -b 1K
  mount_volume
  mkdir "$mnt/contiguous"
  setfattr -n user.spindle.alloc -v contiguous "$mnt/contiguous"
  refuses "No space left" dd if=/dev/zero of="$mnt/contiguous/big" bs=1M count=20
  grep -q "fit into one group" "$mnt/.spindle/last_error" || fail "last_error: $(fact . last_error)"
  refuses "No space left" truncate -s 20M "$mnt/contiguous/big"
  refuses "No space left" fallocate -l 20M "$mnt/contiguous/big"
  unmount_volume
  check_volume
}

for strategy in contiguous linked fat indexed extent; do try_strategy "$strategy"; done
race_to_the_end
ask_at_once
run_out_of_inodes
run_out_of_a_group
give_up_growing
step "done"
