#!/bin/bash
# What POSIX and Linux promise of a file system, call by call (posix_*.py), with each strategy, and a clean volume after.
. "$(dirname "$0")/library.sh"
here=$(cd "$OLDPWD" && realpath "$(dirname "$0")")

for strategy in contiguous linked fat indexed extent; do
  new_volume 64M -a "$strategy"
  mount_volume
  mkdir "$mnt/cases"
  chmod 0777 "$mnt/cases"
  for cases in names contents; do
    python3 -B "$here/posix_$cases.py" "$mnt/cases" || fail "posix_$cases.py on $strategy"
  done
  unmount_volume
  check_volume
  if [ "$(id -u)" = 0 ]; then
    mount_volume allow_other
    chmod 0755 "$work"                                # others have to come as far as the mount
    chmod 0777 "$mnt"
    python3 -B "$here/posix_users.py" "$mnt/cases" || fail "posix_users.py on $strategy"
    unmount_volume
    check_volume
  fi
  new_volume 8M -a "$strategy"
  mount_volume
  python3 -B "$here/posix_full.py" "$mnt" || fail "posix_full.py on $strategy"
  unmount_volume
  check_volume
  step "$strategy"
done
