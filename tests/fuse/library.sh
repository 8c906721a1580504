# Shared by the tests of this folder. Each sources it, and then runs in $work, a folder of its own:
#   new_volume SIZE [MKFS_OPTION...]   formats $image
#   mount_volume [MOUNT_OPTION...]     mounts $image at $mnt
#   unmount_volume                     unmounts it, and wants the daemon gone
#   check_volume                       fsck.spindle -f must find nothing
#   expect WANTED GOT WHAT; refuses WORD COMMAND...; fail WHAT; step WHAT
# The first error ends the test, with the line that found it. At exit, all is unmounted and removed.
set -Eeuo pipefail

fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "skipped: $*"; exit 77; }
step() { echo "[$SECONDS s] $*"; }
trap 'echo "FAILED: line $LINENO: $(head -1 <<<"$BASH_COMMAND")" >&2' ERR

[ -r /dev/fuse ] && [ -w /dev/fuse ] || skip "/dev/fuse cannot be used"
for program in spindle mkfs.spindle fsck.spindle; do
  command -v "$program" >/dev/null || fail "$program is not on the PATH"
done

work=$(mktemp -d --suffix=.spindle-test)
image=$work/image
mnt=$work/mnt
mkdir "$mnt"
cd "$work"

clean_up() {
  local status=$?
  trap - ERR
  set +e
  cd /
  local left
  # Whatever is still mounted in the test's folder, innermost first.
  for left in $(awk -v at="$work/" 'index($2, at) == 1 { print $2 }' /proc/mounts | tac); do
    timeout 20 spindle umount "$left" >/dev/null 2>&1 || umount -l "$left" 2>/dev/null || fusermount3 -u -z "$left"
  done
  for left in $(losetup -n -l -O NAME,BACK-FILE 2>/dev/null | awk -v at="$work/" 'index($2, at) == 1 { print $1 }'); do
    losetup -d "$left"
  done
  if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

is_mounted() { awk -v at="$1" '$2 == at { found = 1 } END { exit !found }' /proc/mounts; }

new_volume() {
  local size=$1
  shift
  rm -f "$image"
  mkfs.spindle -q "$@" "$image" "$size"
}

mount_volume() {
  spindle mount "$image" "$mnt" ${1:+-o "$1"}
  is_mounted "$mnt" || fail "spindle mount returned, and nothing is mounted"
  daemon=$(cat "$mnt/.spindle/process_id")
}

# A zombie that nobody has waited for is dead too.
is_alive() { grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null; }

unmount_volume() {
  spindle umount "$mnt"
  ! is_mounted "$mnt" || fail "spindle umount returned, and it is still mounted"
  ! is_alive "$daemon" || fail "the daemon outlives the mount"
}

# fsck must print no error, whatever the exit code says of corrected ones.
check_volume() {
  local said status=0
  said=$(fsck.spindle -n -f "$image" 2>&1) || status=$?
  [ "$status" = 0 ] || fail "fsck.spindle -n -f answers $status: $said"
  said=$(fsck.spindle -f "$image" 2>&1 </dev/null) || fail "fsck.spindle -f answers $?: $said"
}

expect() { [ "$1" = "$2" ] || fail "$3: expected '$1', found '$2'"; }

# The command must fail, and say the word.
refuses() {
  local word=$1 said
  shift
  if said=$("$@" 2>&1); then fail "'$*' was not refused"; fi
  grep -qiF -- "$word" <<<"$said" || fail "'$*' was refused without a word of '$word': $said"
}

# A statistic of the control directory: fact cache reads
fact() { cat "$mnt/.spindle/$1/$2"; }
