#!/bin/bash
# Policies from libraries: the example is built outside of the tree, and serves the mount, its what-if, replay, the
# solver and the machine alike; one that misbehaves is replaced, and nothing is lost; a library that cannot be trusted
# is refused.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/library.sh"
build=$(dirname "$(dirname "$(command -v spindle)")")
bad=$build/plugins/misbehaving.so

step "the example, built outside of the tree"
cmake -S "$here/../../examples/policy" -B example -DSpindle_DIR="$build" -DSPINDLE="$(command -v spindle)" >cmake.log 2>&1 &&
  cmake --build example >>cmake.log 2>&1 || fail "the example cannot be built: $(tail -20 cmake.log)"
ctest --test-dir example >ctest.log || fail "the example's own test: $(cat ctest.log)"
cp example/impatient.so .

control() { cat "$mnt/.spindle/$1"; }
# The command must say it.
says() {
  local word=$1 said
  shift
  said=$("$@") || fail "'$*' fails: $said"
  grep -q -- "$word" <<<"$said" || fail "'$*' says no word of '$word': $said"
}
in_use() { control "$1" | grep -o '\[.*\]'; }
work_a_lot() {
  for i in $(seq 40); do head -c $((i * 3000)) /dev/urandom >"$mnt/file$i"; done
  rm "$mnt"/file*[37]
  for i in $(seq 50 70); do head -c $((i * 2000)) /dev/urandom >"$mnt/file$i"; done
  (cd "$mnt" && sha256sum file* >"$work/sums")
  sync "$mnt"/file1
}

in_the_mount() {
  step "in the mount, and in what-if"
  new_volume 64M
  mount_volume "disk=textbook,arm=./impatient.so"
  expect '[impatient]' "$(in_use disk/scheduler)" "the scheduler"
  work_a_lot
  expect yes "$(control disk/whatif | awk '$1 == "impatient" { print $2 }')" "in what-if"
  expect "$(control disk/arm_movement_cylinders)" \
    "$(control disk/whatif | awk '$2 == "yes" { print $4 }')" "the movement of the shadow"
  echo look >"$mnt/.spindle/disk/scheduler"
  expect no "$(control disk/whatif | awk '$1 == "impatient" { print $2 }')" "in what-if"
  echo impatient >"$mnt/.spindle/disk/scheduler"

  step "loaded while the volume is mounted"
  cp "$bad" "$mnt/own.so"
  echo "$mnt/own.so" >"$mnt/.spindle/cache/policy"
  expect '[misbehaving]' "$(in_use cache/policy)" "the cache's policy"
  says '^misbehaving  *yes' control cache/whatif
  echo "$mnt/own.so" >"$mnt/.spindle/volume/fit"
  echo "$mnt/own.so" >"$mnt/.spindle/machine/policy"
  echo "$mnt/own.so" >"$mnt/.spindle/threads/policy"
  expect '[misbehaving]' "$(in_use threads/policy)" "the policy of the daemon's threads"
  echo "$mnt/own.so" >"$mnt/.spindle/machine/replacement"
  expect '[misbehaving] [misbehaving]' "$(in_use volume/fit) $(in_use machine/policy)" "the policies"
  work_a_lot
  refuses "Invalid argument" bash -c "echo ./own.so >$mnt/.spindle/disk/scheduler"
  says 'whole path' control last_error
  unmount_volume
  check_volume
}

misbehaving() {
  step "misbehaving under work: $1"
  new_volume 64M
  FAULT=$1 FAULT_AFTER=20 mount_volume "disk=textbook,cache=1M,arm=$bad,cache=$bad,fit=$bad,cpu=$bad"
  expect "[misbehaving]" "$(in_use machine/policy)" "the policy of the machine"
  work_a_lot
  (cd "$mnt" && sha256sum --quiet -c "$work/sums")
  expect '[fcfs] [fifo] [first]' "$(in_use disk/scheduler) $(in_use cache/policy) $(in_use volume/fit)" "the policies"
  says "policy 'misbehaving' of .*takes its place" control last_error
  expect yes "$(control disk/whatif | awk '$1 == "fcfs" { print $2 }')" "in use"
  ! control disk/whatif | grep misbehaving || fail "it is still in what-if"
  unmount_volume
  check_volume
  mount_volume
  (cd "$mnt" && sha256sum --quiet -c "$work/sums")
  unmount_volume
}

without_an_answer() {
  step "a policy that gives no answer"
  new_volume 64M
  FAULT=spin FAULT_AFTER=5 mount_volume "disk=textbook,arm=$bad"
  work_a_lot
  (cd "$mnt" && sha256sum --quiet -c "$work/sums")
  expect '[fcfs]' "$(in_use disk/scheduler)" "the scheduler"
  says 'ran for a second and gave no answer; fcfs takes its place' control last_error
  unmount_volume
  FAULT=lock FAULT_AFTER=5 mount_volume "disk=textbook,arm=$bad"
  work_a_lot
  (cd "$mnt" && sha256sum --quiet -c "$work/sums")
  says 'waited for a second and gave no answer; fcfs takes its place' control last_error
  unmount_volume
  check_volume
}

refused() {
  step "what is refused"
  echo 'no library' >text.so
  cp "$bad" open.so && chmod 777 open.so
  local libm
  libm=$(ldconfig -p | awk '!path && /libm\.so\.6/ { path = $NF } END { print path }')
  refuses "version 4711" spindle mount "$image" "$mnt" -o "arm=$build/plugins/other_version.so"
  refuses "it has no arm policy; SPINDLE_ARM_POLICY" spindle mount "$image" "$mnt" -o "arm=$libm"
  refuses "text.so: " spindle mount "$image" "$mnt" -o arm=./text.so
  refuses "others may write it" spindle mount "$image" "$mnt" -o arm=./open.so
  refuses "cannot be found" spindle mount "$image" "$mnt" -o cache-policy=./nowhere.so
  refuses "or a library such as" spindle mount "$image" "$mnt" -o fit=mine
  refuses "it has no fit policy" spindle mount "$image" "$mnt" -o fit=./impatient.so
  ! is_mounted "$mnt" || fail "it is mounted"
  [ "$(id -u)" = 0 ] || return 0
  mount_volume allow_other,nodefault_permissions
  chmod 755 "$work"
  refuses "not permitted" setpriv --reuid=65534 --clear-groups bash -c "echo $bad >$mnt/.spindle/disk/scheduler"
  says 'only root and the user who mounted' control last_error
  unmount_volume
}

in_the_league() {
  step "in the league"
  new_volume 64M
  mount_volume disk=textbook
  spindle record "$mnt" some.rec -- sh -c "for i in 1 2 3 4; do head -c 200K /dev/zero >$mnt/\$i & done; wait; sync"
  spindle experiment "$mnt" -- true >/dev/null
  unmount_volume
  spindle replay some.rec --arm "./impatient.so,look" --cache-policy "$bad,lru" --fit "$bad" >league
  expect 4 "$(grep -cE '(impatient|look) +(misbehaving|lru)' league || cat league)" "rows of the league"
  ! FAULT=pick spindle replay some.rec --arm "$bad,look,fcfs" >league 2>said || fail "it says nothing of misbehaviour"
  grep -q "takes its place" said || fail "it says: $(cat said)"
  expect "1 2 -" "$(awk '$2 ~ /^(look|fcfs|misbehaving)$/ && $1 ~ /^([0-9]+|-)$/ { print $1 }' league | xargs)" "places in the league"
  grep -q '^ *- *misbehaving .*not compared' league || fail "it is compared: $(cat league)"
  refuses "not one of" spindle replay some.rec --arm mine
  says 'arm impatient,' spindle picture some.rec --arm ./impatient.so
  FAULT=pick refuses "a policy misbehaved" spindle picture some.rec --arm "$bad"
}

in_the_solver() {
  step "in the solver and the simulator"
  local queue=(98 183 37 122 14 124 65 67)
  spindle disk --policy fcfs --head 53 --csv "${queue[@]}" >fcfs
  spindle disk --policy "$bad" --head 53 --csv "${queue[@]}" | diff fcfs - || fail "it is no FCFS"
  says '^ *impatient ' spindle disk --policy ./impatient.so,sstf --all --head 53 "${queue[@]}"
  says 'impatient picks it' spindle disk --policy ./impatient.so --explain --head 53 "${queue[@]}"
  spindle memory --policy fifo --csv 1,2,3,4,1,2,5,1,2,3,4,5 >fifo
  spindle memory --policy "$bad" --csv 1,2,3,4,1,2,5,1,2,3,4,5 | diff fifo - || fail "it is no FIFO"
  cat >cases <<CASES
[{"id": 1, "domain": "allocation", "algorithm": "$bad", "parameters": {},
  "input": {"holes": [100, 500, 200, 300, 600], "requests": [212, 417, 112, 426]},
  "expected": {"placed": [1, 4, 1, null]}}]
CASES
  spindle solve cases >solved || true
  grep -q '1 of 1 cases agree' solved || fail "the solver says: $(cat solved)"
  says misbehaving spindle cpu --policy "$bad" A:0:3 B:1:2 C:2:1 --quantum 2
  spindle run "$here/../../examples/machine/scenarios/textbook.lua" --policy "$bad" >run.txt
  spindle run "$here/../../examples/machine/scenarios/textbook.lua" --all-policies --policy "$bad" >run.txt
  grep -q misbehaving run.txt || fail "it is not compared"
  local line
  for line in "disk --policy $bad --head 53 ${queue[*]}" "memory --policy $bad 1,2,3,4,5,1,2" "cpu --policy $bad A:0:3 B:1:2" \
    "run $here/../../examples/machine/scenarios/textbook.lua --policy $bad"; do
    # shellcheck disable=SC2086
    FAULT=pick refuses "takes its place" spindle $line
    # shellcheck disable=SC2086
    expect 1 "$(FAULT=pick spindle $line 2>&1 >/dev/null | grep -c 'takes its place')" "how often it is told by spindle $line"
  done
}

in_the_mount
misbehaving pick
misbehaving throw
misbehaving null
misbehaving stack
without_an_answer
refused
in_the_league
in_the_solver
