#!/bin/bash
# What demanding programs do to one file at once (real_use.py), with each strategy: direct, buffered and mapped access mixed,
# several writers, readers during truncations, conversions and changes of policy under load, and very large files.
# SEED=number repeats the choices of a run; DENSE=yes also fills 5 GiB of the host with zeros, where a strategy must.
. "$(dirname "$0")/library.sh"
here=$(cd "$OLDPWD" && realpath "$(dirname "$0")")
seed=${SEED:-$RANDOM}
echo "seed $seed"

for strategy in contiguous linked fat indexed extent; do
  new_volume 96M -a "$strategy"
  mount_volume "cache=8M"
  mkdir "$mnt/cases"
  python3 -B "$here/real_use.py" "$mnt/cases" "$strategy" "$seed" || fail "real_use.py on $strategy"
  unmount_volume
  check_volume
  step "$strategy"
done

# The image is larger than what is written to it: the host's file is sparse.
new_volume 12G
mount_volume
for strategy in fat indexed extent; do
  # Extents can be allocated without being written.
  dense=
  if [ "$strategy" = extent ] || [ -n "${DENSE:-}" ]; then dense=dense; fi
  python3 -B "$here/real_use.py" --large "$mnt" "$strategy" $dense || fail "large files on $strategy"
done
unmount_volume
check_volume
step "large files"
