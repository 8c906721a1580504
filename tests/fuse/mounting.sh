#!/bin/bash
# spindle mount: it answers when the mount does, or says why it cannot; each option does what it says; mount(8) and fstab
# find it; images on block devices, and images that may only be read.
. "$(dirname "$0")/library.sh"

is_root() { [ "$(id -u)" = 0 ]; }

refuses_what_is_no_volume() {
  step "what cannot be mounted"
  refuses "No such file" spindle mount nowhere "$mnt"
  refuses "neither a file nor a block device" spindle mount "$work" "$mnt"
  refuses "No such file" spindle mount "$image" "$work/nowhere"
  refuses "is not a directory" spindle mount "$image" "$image"
  refuses "required" spindle mount "$image"
  : >empty
  refuses "too small" spindle mount empty "$mnt"
  refuses "-J: the journal of this volume has at least 128K" mkfs.spindle -J 64K small 64M
  mkfs.spindle -q -J 128K small 64M
  head -c 3M /dev/urandom >noise
  refuses "not a Spindle volume" spindle mount noise "$mnt"
  ! grep -q "$work" /proc/mounts || fail "a refused mount left something mounted"
}

# The superblock is at byte 1024, the journal's headers after it; see docs/FORMAT.md.
refuses_damaged_volumes() {
  step "damaged volumes"
  local start said status
  cp --sparse=always "$image" damaged
  printf 'x' | dd of=damaged bs=1 seek=1100 conv=notrunc status=none
  refuses "fsck.spindle" spindle mount damaged "$mnt"
  cp --sparse=always "$image" damaged
  start=$(spindle inspect --json damaged superblock | python3 -c 'import json,sys; print(json.load(sys.stdin)["journal_start"])')
  dd if=/dev/urandom of=damaged bs=4096 seek="$start" count=2 conv=notrunc status=none
  refuses "journal" spindle mount damaged "$mnt"
  cp --sparse=always "$image" damaged
  truncate -s 10M damaged
  refuses "smaller than its volume" spindle mount damaged "$mnt"
  ! is_mounted "$mnt" || fail "a damaged volume is mounted"
}

# What cannot be listed must not be left out.
copies_all_or_says_so() {
  step "a folder that is damaged"
  local start
  cp --sparse=always "$image" damaged
  spindle mount damaged "$mnt"
  mkdir "$mnt/folder"
  touch "$mnt/folder/"{1..400}
  spindle umount "$mnt"
  start=$(spindle inspect --json damaged map /folder | python3 -c 'import json,sys; print(json.load(sys.stdin)["extents"][0]["block"])')
  head -c 4096 /dev/urandom | dd of=damaged bs=4096 seek=$((start + 2)) conv=notrunc status=none
  spindle mount damaged "$mnt"
  refuses "cannot be listed to its end (Structure needs cleaning)" mkfs.spindle -q -d "$mnt" copy 32M
  refuses "not all data could be written" spindle umount "$mnt"
}

refuses_options() {
  step "wrong options"
  local option
  refuses "'bogus'" spindle mount "$image" "$mnt" -o bogus
  refuses "'bogus'" spindle mount "$image" "$mnt" -o ro,bogus=1,sync
  for option in cache=0 cache=1 cache=-8M cache=nan cache=inf cache=8Q cache=8MM cache= cache "cache= 8M" cache=2T \
    commit=0 commit=-1 commit=1.5 commit=soon commit=3601 commit pace=-1 pace=nan pace=inf pace=1001 pace=x pace \
    data=writeback data data= arm=lift arm= cache-policy=best cache-policy disk=tape disk fit=tight fit cpu=none cpu \
    ro=1 sync=yes dirsync=1 nodiratime=0 remount=1 noatime=1 strictatime=0 allow_other=root default_permissions=no user_id=0; do
    refuses "option '${option%%=*}'" spindle mount "$image" "$mnt" -o "$option"
  done
  refuses "at most 2^26 blocks" spindle mount "$image" "$mnt" -o cache=1T
  refuses "no Spindle volume is mounted there" spindle mount "$image" "$mnt" -o remount,ro
  ! is_mounted "$mnt" || fail "a wrong option was taken"
}

# Options that the kernel keeps can be changed by remounting.
remounts() {
  is_root || return 0
  step "remount"
  mount_volume nodev,arm=sstf
  echo before >"$mnt/file"
  exec 5>>"$mnt/file"
  refuses "is busy" spindle mount "$image" "$mnt" -o remount,ro
  exec 5>&-
  spindle mount "$image" "$mnt" -o rw,remount,relatime,user_id=0,group_id=0,ro,noexec
  refuses "Read-only" touch "$mnt/file"
  grep -q "^$image $mnt fuse.spindle ro,nodev,noexec,relatime" /proc/mounts || fail "$(grep "$mnt" /proc/mounts)"
  expect before "$(cat "$mnt/file")" "what was written before"
  spindle mount "$image" "$mnt" -o remount,rw,exec
  grep -q "^$image $mnt fuse.spindle rw,nodev,relatime" /proc/mounts || fail "$(grep "$mnt" /proc/mounts)"
  echo after >>"$mnt/file"
  grep -qF '[sstf]' "$mnt/.spindle/disk/scheduler" || fail "another scheduler"
  unmount_volume
  check_volume
  mount_volume ro
  refuses "the volume itself is read-only" spindle mount "$image" "$mnt" -o remount,rw
  unmount_volume
}

# Without /dev/fuse, or with something else in its place.
needs_the_device() {
  is_root || return 0
  step "no /dev/fuse"
  refuses "/dev/fuse" unshare -m --propagation private \
    sh -c 'mount -t tmpfs none /dev && exec spindle mount "$@"' sh "$image" "$mnt"
  refuses "" unshare -m --propagation private \
    sh -c 'mount --bind /dev/null /dev/fuse && exec spindle mount "$@"' sh "$image" "$mnt"
}

answers_when_it_returns() {
  step "in the background"
  # Through a pipe: the daemon must not keep it open.
  timeout 60 sh -c 'spindle mount "$0" "$1" 2>&1 | cat' "$image" "$mnt" || fail "the daemon keeps its parent's pipe open"
  expect "volume" "$(basename "$(dirname "$mnt/.spindle/volume/label")")" "the mount's answer"
  daemon=$(cat "$mnt/.spindle/process_id")
  expect "$image fuse.spindle" "$(awk -v at="$mnt" '$2 == at { print $1, $3 }' /proc/mounts)" "/proc/mounts"
  expect / "$(readlink "/proc/$daemon/cwd")" "the daemon's working directory"
  unmount_volume

  step "in the foreground"
  spindle mount "$image" "$mnt" -f &
  daemon=$!
  until is_mounted "$mnt" && [ -r "$mnt/.spindle/version" ]; do sleep 0.05; done
  expect "$daemon" "$(cat "$mnt/.spindle/process_id")" "the process that serves"
  kill -TERM "$daemon"
  wait "$daemon" || fail "the daemon answers $? to SIGTERM"
}

mounts_names_of_any_kind() {
  step "awkward names"
  local odd="$work/a, b\\c ü"
  mkdir "$odd"
  cp --sparse=always "$image" "$odd/the, image\\"
  (cd "$odd" && mkdir "at, here" && spindle mount "the, image\\" "at, here" -o noatime)
  echo text >"$odd/at, here/file"
  grep -qF 'fuse.spindle' <(grep -F 'the,' /proc/mounts) || fail "the image is not in /proc/mounts"
  spindle umount "$odd/at, here"
  ! grep -qF 'the,' /proc/mounts || fail "it is still mounted"
}

# Where much is free the kernel keeps more of what is written, elsewhere no less than of any mount.
widens_the_kernels_cache() {
  step "what the kernel keeps"
  mkfs.spindle -q "$work/large" 64G
  spindle mount "$work/large" "$mnt"
  local settings
  settings=/sys/class/bdi/$(mountpoint -d "$mnt")
  if [ -w "$settings/max_ratio" ]; then
    expect 512 "$(cat "$settings/read_ahead_kb")" "KiB that the kernel reads ahead"
    expect 25 "$(cat "$settings/max_ratio")" "percent that an empty volume may have unwritten"
    fallocate -l $(($(stat -f -c '%a * %S' "$mnt") - (64 << 20))) "$mnt/file"
    echo text >"$mnt/text"
    expect 1 "$(cat "$settings/max_ratio")" "percent that a full volume may have unwritten"
  fi
  spindle umount "$mnt"
  rm "$work/large"
}

# The control files show the options of the mount.
settings_are_shown() {
  step "settings"
  mount_volume "cache=8M,cache-policy=arc,arm=sstf,disk=15000rpm,pace=0.25,fit=worst,cpu=mlfq"
  expect $((8 << 20)) "$(fact cache size_bytes)" "cache="
  grep -qF '[arc]' "$mnt/.spindle/cache/policy" || fail "cache-policy= has no effect"
  grep -qF '[sstf]' "$mnt/.spindle/disk/scheduler" || fail "arm= has no effect"
  grep -qF '[15000rpm]' "$mnt/.spindle/disk/model" || fail "disk= has no effect"
  expect 0.25 "$(fact disk pace)" "pace="
  grep -qF '[worst]' "$mnt/.spindle/volume/fit" || fail "fit= has no effect"
  grep -qF '[mlfq]' "$mnt/.spindle/machine/policy" || fail "cpu= has no effect"
  unmount_volume
  for size in 1M 1.5MiB 2097152 4096K 1g; do
    mount_volume "cache=$size"
    [ "$(fact cache size_bytes)" -ge $((1 << 20)) ] || fail "cache=$size has no effect"
    unmount_volume
  done
  # Options that fstab holds for other programs.
  mount_volume "defaults,noauto,nofail,_netdev,user,x-systemd.automount,nodev,nosuid"
  grep -F "$mnt" /proc/mounts | grep -qE 'nosuid.*nodev' || fail "nosuid and nodev do not reach the kernel"
  unmount_volume
  mount_volume "atime,norelatime,nostrictatime,diratime,lazytime,nolazytime,silent,loud,nomand,noiversion,group,owner,comment=x"
  unmount_volume
}

fits_its_cache_into_little_memory() {
  step "little memory"
  (ulimit -v 204800 && mount_volume)
  daemon=$(cat "$mnt/.spindle/process_id")
  expect $((2 << 20)) "$(fact cache size_bytes)" "the cache of a daemon with little memory"
  unmount_volume
}

refuses_writing() { refuses "Read-only file system" touch "$mnt/new"; }

read_only_writes_nothing() {
  step "ro"
  mount_volume
  echo text >"$mnt/text"
  unmount_volume
  local before
  before=$(sha256sum <"$image")
  mount_volume ro
  expect text "$(cat "$mnt/text")" "a file of a read-only mount"
  refuses_writing
  refuses "Read-only file system" rm "$mnt/text"
  refuses "Read-only file system" setfattr -n user.spindle.alloc -v fat "$mnt/text"
  expect read-only "$(fact volume state)" "volume/state"
  unmount_volume
  expect "$before" "$(sha256sum <"$image")" "the image after a read-only mount"
}

# Reads past the kernel's cache, and prints the access time.
read_and_tell() {
  dd if="$mnt/text" of=/dev/null bs=4096 iflag=direct status=none
  stat -c %.X "$mnt/text"
}

# Which reads change the access time: the first one after a change, the one after that.
reads_that_count() {
  local old=981158400.000000000 first second
  mount_volume "$1"
  touch -a -d @$old "$mnt/text"
  # Waits for the next tick of the clock: an access in the tick of the change is no later than the change.
  sleep 0.05
  first=$(read_and_tell)
  sleep 0.05
  second=$(read_and_tell)
  [ "$first" = "$old" ] && printf 'no ' || printf 'yes '
  [ "$second" = "$first" ] && echo no || echo yes
  unmount_volume
}

# Whether listing a directory changes its access time.
listing_counts() {
  local old
  mount_volume "$1"
  old=$(stat -c %.X "$mnt/lost+found")
  sleep 0.05
  ls "$mnt/lost+found"
  [ "$(stat -c %.X "$mnt/lost+found")" = "$old" ] && echo no || echo yes
  unmount_volume
}

access_times() {
  step "access times"
  expect "no no" "$(reads_that_count noatime)" "noatime"
  expect "yes no" "$(reads_that_count relatime)" "relatime"
  expect "yes yes" "$(reads_that_count strictatime)" "strictatime"
  expect yes "$(listing_counts strictatime)" "strictatime, of a directory"
  expect no "$(listing_counts strictatime,nodiratime)" "nodiratime"
}

# Prints what is left after the daemon is killed; $1: mount options, the rest: a command that writes $mnt/written.
content_after_kill() {
  mount_volume "$1"
  rm -f "$mnt/written"
  echo 1 >"$mnt/.spindle/journal/commit"
  shift
  "$@"
  kill -9 "$daemon"
  while is_alive "$daemon"; do sleep 0.02; done
  umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
  mount_volume
  cat "$mnt/written" 2>/dev/null || echo nothing
  unmount_volume
  check_volume
}

write_and_close() {
  echo content >"$mnt/written"
}

write_and_wait_for_the_commit() {
  local epoch i
  write_and_close
  epoch=$(fact journal open_epoch)
  for i in $(seq 1200); do
    [ "$(fact journal durable_epoch)" -lt "$epoch" ] || return 0
    sleep 0.05
  done
  fail "there is no commit each second"
}

# The file stays open: nothing but the write itself can have made it durable.
write_and_leave_open() {
  exec 8>"$mnt/written"
  echo content >&8
}

times_of_what_keeps_its_size() {
  step "truncating to the same size"
  mount_volume
  echo text >"$mnt/stamped"
  touch -d @1000000000 "$mnt/stamped"
  python3 -c 'import os, sys; os.truncate(sys.argv[1], 5)' "$mnt/stamped"
  unmount_volume
  mount_volume
  expect 1000000000 "$(stat -c %Y "$mnt/stamped")" "the time of a file that kept its size, after the next mount"
  : >"$mnt/stamped"
  touch -d @1000000000 "$mnt/stamped"
  : >"$mnt/stamped"
  [ "$(stat -c %Y "$mnt/stamped")" -gt 1000000000 ] || fail "O_TRUNC leaves the time of an empty file"
  rm "$mnt/stamped"
  unmount_volume
}

when_things_are_durable() {
  step "sync and commit="
  expect nothing "$(content_after_kill commit=3600 write_and_close)" "an hour between commits"
  expect content "$(content_after_kill commit=1 write_and_wait_for_the_commit)" "a second between commits"
  expect content "$(content_after_kill sync,commit=3600 write_and_close)" "sync"
  expect content "$(content_after_kill sync,commit=3600 write_and_leave_open)" "sync, before the file is closed"
  expect nothing "$(content_after_kill commit=3600 ln "$mnt/text" "$mnt/written")" "a name, an hour between commits"
  expect text "$(content_after_kill dirsync,commit=3600 ln "$mnt/text" "$mnt/written")" "a name with dirsync"

  step "data="
  local before
  for data in ordered journal; do
    mount_volume "data=$data"
    before=$(fact journal data_logged_blocks)
    dd if=/dev/urandom of="$mnt/large" bs=64K count=12 conv=fsync status=none
    local logged=$(($(fact journal data_logged_blocks) - before))
    case $data in
      ordered) expect 0 "$logged" "blocks of a large file in the log, data=ordered" ;;
      journal) [ "$logged" -ge 192 ] || fail "data=journal logged $logged blocks of 192" ;;
    esac
    rm "$mnt/large"
    unmount_volume
  done
}

# The image must not get the number of a standard stream, which the daemon replaces when it leaves the terminal.
mounts_without_standard_streams() {
  step "standard streams closed"
  spindle mount "$image" "$mnt" <&- >&- 2>&- || fail "spindle mount without standard streams answers $?"
  daemon=$(cat "$mnt/.spindle/process_id")
  echo text >"$mnt/streams"
  unmount_volume
  mount_volume ro
  expect text "$(cat "$mnt/streams")" "what was written to a mount without standard streams"
  unmount_volume
  check_volume
}

# `ulimit -f` makes writes to the image fail, as a full host disk does; it does not kill the daemon.
outlives_a_limit_of_file_size() {
  step "ulimit -f"
  (ulimit -f 10240 && spindle mount "$image" "$mnt")
  daemon=$(cat "$mnt/.spindle/process_id")
  refuses "" dd if=/dev/zero of="$mnt/beyond-the-limit" bs=1M count=20 conv=fsync
  is_alive "$daemon" || fail "the limit kills the daemon"
  grep -q "File too large" "$mnt/.spindle/volume/errors" || fail "errors: $(cat "$mnt/.spindle/volume/errors")"
  spindle umount "$mnt" 2>said || grep -q "not all data could be written" said || fail "unmounting says: $(cat said)"
  fsck.spindle -p "$image" >said 2>&1 || [ $? = 1 ] || fail "fsck.spindle -p answers $?: $(cat said)"
  check_volume
}

# What inspect reads is the disk, not the daemon's memory; it tells how to bring the one to the other.
inspect_tells_how_to_see_what_is_new() {
  step "inspect of what is new"
  mount_volume "commit=3600"
  mkdir "$mnt/just-made"
  refuses "it is mounted at $mnt: what is new comes to the disk by \`echo 1 > .spindle/volume/sync\`" \
    spindle inspect "$image" /just-made
  (cd "$mnt" && echo 1 >.spindle/volume/sync)
  spindle inspect "$image" /just-made >said || fail "what was made before the commit is not on the disk"
  rmdir "$mnt/just-made"
  unmount_volume
}

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

who_may_do_what() {
  is_root || return 0
  step "allow_other and default_permissions"
  chmod 711 "$work"
  mount_volume
  echo mine >"$mnt/mine"
  chmod 600 "$mnt/mine"
  chmod 755 "$mnt"
  refuses "Permission denied" as_nobody ls "$mnt"
  unmount_volume
  mount_volume allow_other
  as_nobody ls "$mnt" >/dev/null
  refuses "Permission denied" as_nobody cat "$mnt/mine"
  refuses "Permission denied" as_nobody touch "$mnt/new"
  unmount_volume
  mount_volume allow_other,nodefault_permissions
  expect mine "$(as_nobody cat "$mnt/mine")" "without default_permissions"
  unmount_volume
  mount_volume allow_other,nodefault_permissions,default_permissions
  refuses "Permission denied" as_nobody cat "$mnt/mine"
  unmount_volume
}

# mount(8) looks for its helpers in /sbin: a private namespace has one there.
mounts_by_mount_and_fstab() {
  is_root || return 0
  step "mount -t spindle, and fstab"
  mkdir helpers
  ln -s "$(command -v mount.spindle)" "$(command -v mount.fuse.spindle)" helpers
  echo "$image $mnt spindle noauto,user,noatime,cache=16M,commit=7 0 2" >fstab
  cat >in_namespace <<'SCRIPT'
set -eu
image=$1 mnt=$2
mount --bind helpers "$(realpath /sbin)"
mount -t spindle -o ro,cache=16M "$image" "$mnt"
grep -F "$mnt" /proc/mounts | grep -qE '^[^ ]*image [^ ]* fuse.spindle ro,'
[ "$(cat "$mnt/.spindle/cache/size_bytes")" = $((16 << 20)) ]
spindle umount "$mnt"
! mount -t spindle -o bogus "$image" "$mnt" 2>said
grep -q "'bogus'" said
! mount -t spindle noise "$mnt" 2>said
grep -q "not a Spindle volume" said
mount -f -t spindle "$image" "$mnt"
! grep -qF "$mnt" /proc/mounts
mount --fstab fstab "$mnt"
grep -F "$mnt" /proc/mounts | grep -F fuse.spindle | grep -F nosuid | grep -F nodev | grep -qF noatime
[ "$(cat "$mnt/.spindle/cache/size_bytes")" = $((16 << 20)) ]
echo by fstab >"$mnt/fstab"
mount -o remount,ro "$mnt"
! touch "$mnt/fstab" 2>said
grep -q "Read-only file system" said
mount -o remount,rw "$mnt"
touch "$mnt/fstab"
! mount -o remount,bogus "$mnt" 2>said
grep -q "'bogus'" said
daemon=$(cat "$mnt/.spindle/process_id")
umount "$mnt"
while [ -e "/proc/$daemon" ]; do sleep 0.02; done
mount -t fuse.spindle "$image" "$mnt"
[ "$(cat "$mnt/fstab")" = "by fstab" ]
spindle umount "$mnt"
SCRIPT
  unshare -m --propagation private bash -x in_namespace "$image" "$mnt" 2>trace || fail "$(tail -n 4 trace)"
  check_volume
}

block_devices() {
  is_root || return 0
  local disk
  truncate -s 32M disk
  disk=$(losetup -f --show disk 2>/dev/null) || { step "no loop devices here"; return 0; }
  step "a block device"
  mkfs.spindle -q "$disk" || { losetup -d "$disk"; fail "mkfs.spindle on a block device"; }
  refuses "has 33554432 bytes, not 67108864" mkfs.spindle --force "$disk" 64M
  fsck.spindle -n -f "$disk" >said || { losetup -d "$disk"; fail "$(cat said)"; }
  spindle mount "$disk" "$mnt"
  expect "$disk fuse.spindle" "$(awk -v at="$mnt" '$2 == at { print $1, $3 }' /proc/mounts)" "/proc/mounts"
  # The file behind the device has no lock: the mark in it must tell, before anything is written.
  mkdir -p second
  refuses "is in use" spindle mount disk second
  head -c 5M /dev/urandom >content
  cp content "$mnt/content"
  sync "$mnt/content"
  spindle inspect "$disk" /content >said || fail "inspect of a mounted block device"
  refuses "in use" fsck.spindle -p "$disk"
  refuses "in use" mkfs.spindle --force "$disk"
  spindle umount "$mnt"
  fsck.spindle -n -f "$disk" >said || fail "$(cat said)"
  fsck.spindle -p -f "$disk" >said || fail "$(cat said)"
  spindle inspect "$disk" map /content >said || fail "inspect of a block device"
  refuses "already holds a Spindle volume" mkfs.spindle "$disk"
  losetup -d "$disk"
  disk=$(losetup -r -f --show disk)
  refuses 'read-only (Read-only file system); `-o ro` mounts it for reading' spindle mount "$disk" "$mnt"
  refuses "Read-only file system" fsck.spindle -y "$disk"
  refuses "Read-only file system" mkfs.spindle --force "$disk"
  ! grep -q Formatting <(mkfs.spindle --force "$disk" 2>&1) || fail "mkfs.spindle begins to format a read-only device"
  spindle mount "$disk" "$mnt" -o ro
  cmp content "$mnt/content"
  spindle umount "$mnt"
  losetup -d "$disk"
  # The same volume through the file.
  spindle mount disk "$mnt" -o ro
  cmp content "$mnt/content"
  spindle umount "$mnt"
}

# An image that cannot be written is mounted with `ro` only; one that a crash left needs its log replayed first.
images_that_may_only_be_read() {
  is_root || return 0
  step "images that may only be read"
  local place=$work/place
  mkdir "$place"
  mount -t tmpfs -o size=64M none "$place"
  cp --sparse=always "$image" "$place/clean"
  image=$place/crashed
  new_volume 16M
  mount_volume
  echo durable >"$mnt/durable"
  sync "$mnt/durable"
  kill -9 "$daemon"
  while is_alive "$daemon"; do sleep 0.02; done
  refuses "its daemon is gone" spindle mount "$image" "$mnt"
  umount -l "$mnt"
  cp "$image" "$place/crashed-too"
  mount_volume ro
  expect durable "$(cat "$mnt/durable")" "after a crash, read-only"
  refuses_writing
  unmount_volume
  mount -o remount,ro "$place"
  refuses '`-o ro` mounts it for reading' spindle mount "$place/clean" "$mnt"
  spindle mount "$place/clean" "$mnt" -o ro
  refuses_writing
  spindle umount "$mnt"
  for option in rw ro; do
    refuses "copy the image to where it can be written" spindle mount "$place/crashed-too" "$mnt" -o "$option"
  done
  ! grep -q 'mounts it for reading' <(spindle mount "$place/crashed-too" "$mnt" 2>&1) || fail "-o ro is no way to mount it"
  fsck.spindle -n -f "$place/crashed-too" >said || fail "$(cat said)"
  refuses "Read-only file system" fsck.spindle -y "$place/crashed-too"
  umount "$place"
  image=$work/image
}

# What serves the volume may find no memory for a thread, or for the first request: whoever waits for the mount is told.
ends_where_address_space_is_short() {
  step "little address space"
  local limit status
  for limit in 80000 100000 120000 140000 $(seq 162000 3000 189000); do
    status=0
    (ulimit -v "$limit" && exec timeout 60 spindle mount "$image" "$mnt" -o cache=1M) >said 2>&1 || status=$?
    [ "$status" != 124 ] || fail "with $limit KiB of address space it does not end: $(cat said)"
    [ "$status" = 0 ] || [ -s said ] || fail "refused with $limit KiB of address space without a word"
    ! is_mounted "$mnt" || spindle umount "$mnt"
  done
  check_volume
}

# umount(8) returns before the daemon has let go of the image.
mounts_again_at_once() {
  step "again at once"
  local i
  for i in 1 2 3 4 5; do
    mount_volume
    echo "$i" >"$mnt/again"
    if is_root; then umount "$mnt"; else fusermount3 -u "$mnt"; fi
  done
  mount_volume
  expect 5 "$(cat "$mnt/again")" "what the last of the mounts wrote"
  refuses "is mounted at $mnt" spindle mount "$image" "$work"
  refuses "is mounted at $mnt" fsck.spindle -y "$image"
  fsck.spindle -n "$image" >said 2>&1 || fail "fsck.spindle -n of a mounted volume answers $?: $(cat said)"
  grep -qF "is mounted at $mnt; blocks that are being written may look damaged" said || fail "fsck.spindle -n says: $(cat said)"
  unmount_volume
  check_volume
}

new_volume 32M -L "a label"
refuses_what_is_no_volume
refuses_damaged_volumes
copies_all_or_says_so
refuses_options
needs_the_device
answers_when_it_returns
ends_where_address_space_is_short
mounts_again_at_once
mounts_names_of_any_kind
widens_the_kernels_cache
settings_are_shown
fits_its_cache_into_little_memory
remounts
read_only_writes_nothing
access_times
times_of_what_keeps_its_size
when_things_are_durable
inspect_tells_how_to_see_what_is_new
mounts_without_standard_streams
outlives_a_limit_of_file_size
who_may_do_what
mounts_by_mount_and_fstab
block_devices
images_that_may_only_be_read
check_volume
step "done"
