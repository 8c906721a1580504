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
  step "$strategy"
done
