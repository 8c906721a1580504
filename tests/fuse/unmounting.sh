#!/bin/bash
# The ways out of a mount: spindle umount, umount, fusermount3 -u and signals all leave a clean volume; a busy one is
# not unmounted. One volume is never mounted twice, whichever way it is reached, and the mark of a killed daemon does
# not prevent mounting.
. "$(dirname "$0")/library.sh"

is_root() { [ "$(id -u)" = 0 ]; }
wait_for_end() {
  local tries=0
  while is_alive "$daemon"; do
    sleep 0.05
    tries=$((tries + 1))
    [ "$tries" -lt 1200 ] || fail "the daemon does not end"
  done
}

kill_daemon() {
  kill -9 "$daemon"
  wait_for_end
  umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
}

is_unlocked() { flock -n "$image" true; }

# Unmounted in order: nothing to replay, no mark, no lock.
was_left_in_order() {
  ! is_mounted "$mnt" || fail "$1: it is still mounted"
  is_unlocked || fail "$1: the image is locked"
  spindle inspect "$image" superblock >superblock
  grep -qE '^state +clean$' superblock || fail "$1: the volume was not left in order: $(cat superblock)"
  check_volume
  mount_volume ro
  cmp content "$mnt/content" || fail "$1: the content differs"
  unmount_volume
}

all_ways_out() {
  local way
  for way in "spindle umount" umount "fusermount3 -u" "kill -TERM" "kill -INT" "kill -HUP"; do
    step "$way"
    mount_volume
    head -c 20M /dev/urandom >content
    cp content "$mnt/content"
    case $way in
      "spindle umount")
        # By the time it returns, the last block is written and the daemon is gone.
        spindle umount "$mnt"
        ! is_alive "$daemon" || fail "the daemon outlives spindle umount"
        fsck.spindle -n -f "$image" >said 2>&1 || fail "after spindle umount: $(cat said)"
        ;;
      kill*) $way "$daemon" ;;
      umount) if is_root; then umount "$mnt"; else spindle umount "$mnt"; fi ;;
      *) $way "$mnt" ;;
    esac
    wait_for_end
    was_left_in_order "$way"
  done
}

stays_while_it_is_busy() {
  step "busy"
  mount_volume
  exec 7>"$mnt/open"
  echo one >&7
  refuses "busy" spindle umount "$mnt"
  refuses "busy" fusermount3 -u "$mnt"
  is_mounted "$mnt" || fail "a busy mount is gone"
  exec 7>&-
  (cd "$mnt" && refuses "busy" spindle umount "$mnt")
  expect one "$(cat "$mnt/open")" "a file that was open when unmounting was refused"
  unmount_volume
  refuses "no Spindle volume is mounted there" spindle umount "$mnt"
  refuses "no Spindle volume is mounted there" spindle umount "$work/nowhere"
  refuses "no Spindle volume is mounted there" spindle umount /proc
}

# The daemon goes on as long as the volume is mounted anywhere: waiting for its end would wait for the user.
says_where_else_it_is_mounted() {
  is_root || return 0
  step "bound to another directory"
  local first left other=$work/bound-folder
  mkdir -p "$other"
  for first in "$mnt" "$other"; do
    mount_volume
    mkdir -p "$mnt/folder"
    mount --bind "$mnt/folder" "$other"
    if [ "$first" = "$mnt" ]; then left=$other; else left=$mnt; fi
    refuses "mounted at $left, too" timeout 60 spindle umount "$first"
    ! is_mounted "$first" || fail "$first is still mounted"
    echo text >"$left/text"
    spindle umount "$left"
    ! is_alive "$daemon" || fail "the daemon outlives the last of its mounts"
    check_volume
  done
}

# After a signal the mount is gone from sight, and the daemon serves what is still open to its end.
a_signal_waits_for_open_files() {
  step "a signal while a file is open"
  mount_volume
  exec 7>"$mnt/open"
  echo one >&7
  kill -TERM "$daemon"
  while is_mounted "$mnt"; do sleep 0.02; done
  is_alive "$daemon" || fail "the daemon left an open file behind"
  echo two >&7
  refuses "in use" spindle mount "$image" "$mnt"
  exec 7>&-
  wait_for_end
  mount_volume
  expect "one two" "$(paste -sd' ' "$mnt/open")" "what was written after the signal"
  unmount_volume
  check_volume
}

a_dead_mount_can_be_left() {
  step "a dead mount"
  mount_volume
  kill -9 "$daemon"
  wait_for_end
  refuses "" ls "$mnt"
  spindle umount "$mnt"
  ! is_mounted "$mnt" || fail "the dead mount is still there"
  mount_volume
  unmount_volume
}

only_one_of_two_unmounts_it() {
  step "two who unmount"
  local both=() status=0
  mount_volume
  spindle umount "$mnt" 2>first & both+=($!)
  spindle umount "$mnt" 2>second & both+=($!)
  wait "${both[0]}" || status=$((status + 1))
  wait "${both[1]}" || status=$((status + 1))
  expect 1 "$status" "how many of two fail to unmount one mount"
  grep -qE "no Spindle volume is mounted there( any more)?$" first second || fail "$(cat first second)"
  wait_for_end
}

is_never_mounted_twice() {
  step "twice"
  local other=$work/other
  mkdir -p "$other"
  ln -f "$image" hard-link
  ln -sf "$image" symbolic-link
  mount_volume
  for path in "$image" image ./image hard-link symbolic-link; do
    refuses "in use" spindle mount "$path" "$other"
    refuses "in use" spindle mount "$path" "$other" -o ro
    refuses "in use" fsck.spindle -p "$path"
    refuses "in use" mkfs.spindle --force "$path" 64M
    fsck.spindle -n "$path" >said || fail "fsck.spindle -n of a mounted volume: $(cat said)"
  done
  expect $((32 << 20)) "$(stat -L -c %s "$image")" "the size of an image that was not formatted anew"
  unmount_volume
  # Several readers do not disturb one another.
  mount_volume ro
  spindle mount hard-link "$other" -o ro
  refuses "in use" spindle mount "$image" "$work/mnt"
  refuses "in use" fsck.spindle -p "$image"
  spindle umount "$other"
  unmount_volume
}

# The name of a mounted image may by now belong to another file: here to a copy of an image mounted elsewhere.
waits_for_the_daemon_of_that_mount() {
  step "a copy under the name of a mounted image"
  local process other=$work/other
  mkdir -p "$other"
  mount_volume
  mkfs.spindle -q small 16M
  spindle mount small "$other"
  process=$(cat "$other/.spindle/process_id")
  cp "$image" copy
  mv copy small
  timeout 60 spindle umount "$other" || fail "it waits for the end of another mount"
  ! is_alive "$process" || fail "the daemon outlives spindle umount"
  is_alive "$daemon" || fail "the other mount is gone"
  unmount_volume
}

waits_for_the_daemon_of_a_replaced_image() {
  step "another image, mounted too, under the name of a mounted one"
  local process other=$work/other
  mkdir -p "$other"
  mkfs.spindle -q replaced 16M
  spindle mount replaced "$other"
  process=$(cat "$other/.spindle/process_id")
  rm replaced
  mkfs.spindle -q replaced 16M
  spindle mount replaced "$mnt"
  daemon=$(cat "$mnt/.spindle/process_id")
  timeout 60 spindle umount "$other" || fail "it waits for the end of the mount of the other image"
  ! is_alive "$process" || fail "the daemon outlives spindle umount"
  is_alive "$daemon" || fail "the mount of the other image is gone"
  unmount_volume
}

# Programs that use a loop device do not see the lock of the file, but the mark in the superblock.
is_never_mounted_twice_by_loop() {
  is_root || return 0
  local disk other=$work/other
  disk=$(losetup -f --show "$image" 2>/dev/null) || { step "no loop devices here"; return 0; }
  step "twice, by a loop device"
  mount_volume
  refuses "mounted" spindle mount "$disk" "$other"
  refuses "mounted" spindle mount "$disk" "$other" -o ro
  refuses "in use" fsck.spindle -y "$disk"
  refuses "in use" mkfs.spindle --force "$disk"
  unmount_volume
  spindle mount "$disk" "$other"
  refuses "mounted" spindle mount "$image" "$mnt"
  refuses "in use" fsck.spindle -y "$image"
  refuses "in use" mkfs.spindle --force "$image"
  echo text >"$other/text"
  spindle umount "$other"
  losetup -d "$disk"
  mount_volume
  expect text "$(cat "$mnt/text")" "what was written by the loop device"
  unmount_volume
  check_volume
}

marks_of_the_dead_are_no_bar() {
  step "marks"
  mount_volume
  echo text >"$mnt/text"
  sync "$mnt/text"
  cp --sparse=always "$image" copy
  if is_root; then
    # To a machine that has rebooted since, the mark is another machine's.
    echo 01234567-89ab-cdef-0123-456789abcdef >boot_id
    unshare -m --propagation private bash -c '
      set -e
      mount --bind boot_id /proc/sys/kernel/random/boot_id
      spindle mount copy other
      [ "$(cat other/text)" = text ]
      spindle umount other' || fail "the mark of another boot keeps a volume from being mounted"
    cp --sparse=always "$image" copy
  fi
  kill_daemon
  spindle mount copy "$work/other"
  expect text "$(cat "$work/other/text")" "in a copy of a volume that was killed"
  spindle umount "$work/other"
  mount_volume
  expect text "$(cat "$mnt/text")" "after a kill"
  kill_daemon
  fsck.spindle -p "$image" >said 2>&1 || [ $? = 1 ] || fail "fsck.spindle -p after a kill: $(cat said)"
  mount_volume
  unmount_volume
  check_volume
}

# A copy has the mark of a living daemon, which has another file open.
a_copy_of_a_mounted_image_is_free() {
  local other=$work/other
  step "a copy of a mounted image"
  mkdir -p "$other"
  mount_volume
  echo text >"$mnt/text"
  sync "$mnt/text"
  cp --sparse=always "$image" copy
  spindle mount copy "$other"
  expect text "$(cat "$other/text")" "in a copy of a mounted volume"
  rm "$other/text"
  spindle umount "$other"
  cp --sparse=always "$image" copy
  # A read-only copy keeps the mark; unmounting must not wait for that process.
  spindle mount copy "$other" -o ro
  timeout 60 spindle umount "$other" || fail "it waits for the daemon of the original"
  cp --sparse=always "$image" copy
  mkfs.spindle -q --force copy || fail "a copy of a mounted image cannot be formatted"
  expect text "$(cat "$mnt/text")" "in the original"
  if is_root; then
    step "what is no copy, in other places"
    mkdir -p bound
    mount --bind "$work" bound
    ln -f "$image" hard-link
    cat >in_namespace <<'SCRIPT'
set -e
mount -t tmpfs none mnt
! spindle mount bound/hard-link other 2>said
grep -q "in use" said
# Through another inode, where the lock is not seen.
if disk=$(losetup -f --show bound/hard-link 2>/dev/null); then
  for option in rw ro; do
    ! spindle mount "$disk" other -o "$option" 2>said
    grep -q "process $1 has it mounted by another name" said
  done
  ! mkfs.spindle --force "$disk" 2>said
  grep -q "process $1 has it mounted" said
  losetup -d "$disk"
fi
SCRIPT
    unshare -m --propagation private bash -ex in_namespace "$daemon" 2>trace || fail "$(tail -n 4 trace)"
    umount bound
    # A user who may not see what the daemon has open is told of the mark, and what to do.
    cp --sparse=always "$image" copy
    chmod 711 "$work"
    chown 65534 copy
    refuses "its superblock says that process $daemon has it mounted, and it cannot be seen" \
      setpriv --reuid 65534 --clear-groups mkfs.spindle --force copy
    chown 0 copy
  fi
  unmount_volume
  check_volume
}

# Another user's mount that keeps even root out: its daemon is found by the mark.
another_users_mount() {
  is_root || return 0
  step "somebody else's mount"
  chmod 711 "$work"
  chown 65534:65534 "$image" "$mnt"
  install -d -o 65534 -g 65534 theirs
  cat >in_namespace <<'SCRIPT'
set -e
chmod 666 /dev/fuse
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
as_user spindle mount "$1" "$2"
! ls "$2" 2>/dev/null
head -c 10M /dev/zero | as_user dd of="$2/zeros" status=none
spindle umount "$2"
fsck.spindle -n -f "$1"
flock -n "$1" true
# The user who makes a volume may write to it, and read lost+found.
as_user mkfs.spindle -q theirs/image 8M
as_user spindle mount theirs/image "$2"
as_user sh -c 'echo mine >"$1/file" && find "$1"' sh "$2"
as_user spindle record "$2" theirs/recording -- cat "$2/file"
! setpriv --reuid 65533 --regid 65533 --clear-groups spindle umount "$2" 2>refusal
grep -q "another user has mounted it" refusal
! as_user env PATH="$(dirname "$(command -v spindle)")" spindle umount "$2" 2>refusal || exit 1
grep -q "no fusermount3 on the PATH" refusal
as_user spindle umount "$2"
SCRIPT
  # Runs in a namespace of its own, with a /dev/fuse that anybody may open.
  unshare -m --propagation private bash -c '
    mount -t tmpfs -o mode=755 none /dev && mknod -m 666 /dev/fuse c 10 229 && mknod -m 666 /dev/null c 1 3 &&
    bash -ex in_namespace "$@"' bash "$image" "$mnt" >said 2>&1 || fail "$(tail -n 5 said)"
  chown 0:0 "$image" "$mnt"
}

new_volume 32M
if is_root; then mount_volume; chmod 777 "$mnt"; unmount_volume; fi
all_ways_out
stays_while_it_is_busy
says_where_else_it_is_mounted
a_signal_waits_for_open_files
a_dead_mount_can_be_left
only_one_of_two_unmounts_it
is_never_mounted_twice
waits_for_the_daemon_of_that_mount
waits_for_the_daemon_of_a_replaced_image
is_never_mounted_twice_by_loop
marks_of_the_dead_are_no_bar
a_copy_of_a_mounted_image_is_free
another_users_mount
step "done"
