#!/bin/bash
# real_programs.sh STRATEGY: programs that people use, on files of one strategy. What they wrote is compared after a
# remount, and the volume must be clean.
. "$(dirname "$0")/library.sh"
strategy=${1:?usage: real_programs.sh STRATEGY}

new_volume 192M -a "$strategy"
mount_volume
expect "$strategy" "$(getfattr --absolute-names -n user.spindle.alloc --only-values "$mnt")" "strategy of the root"

# A tree with everything that an archive can hold.
make_tree() {
  local tree=$1 i
  mkdir -p "$tree"/{a/b/c,empty,"with space",wide}
  for i in $(seq 200); do printf 'line %s\n' "$i" >"$tree/wide/file-$i"; done
  head -c 1500000 /dev/urandom >"$tree/a/random"
  head -c 100000 /dev/zero >"$tree/a/b/zero"
  : >"$tree/a/b/c/nothing"
  ln "$tree/a/random" "$tree/with space/another name"
  ln -s ../a/random "$tree/with space/symbolic"
  ln -s "$(printf 'x%.0s' $(seq 900))" "$tree/a/dangling"
  mkfifo "$tree/a/fifo"
  truncate -s 3M "$tree/a/hole"
  printf end >>"$tree/a/hole"
  setfattr -n user.note -v 'worth keeping' "$tree/a/random"
  setfacl -m u:12345:r-x,g:54321:rw- "$tree/a/b/zero"
  setfacl -d -m u:12345:rwx "$tree/a/b"
  chmod 04751 "$tree/a/b/c/nothing"
  chmod 02775 "$tree/empty"
  if [ "$(id -u)" = 0 ]; then chown 1234:4321 "$tree/wide/file-7"; fi
  touch -d '1999-12-31 23:59:59.123456789 UTC' "$tree/wide/file-9"
  # rsync takes times of links within one second for the same.
  touch -h -d '2001-02-03 04:05:06.789 UTC' "$tree"/a/{fifo,dangling} "$tree/with space/symbolic"
}

# Everything in a tree except access and change times, one line for each file.
describe() {
  (cd "$1" &&
    find . -mindepth 1 ! -type d -printf '%p %M %n %U %G %s %T@ %l\n' -o -type d -printf '%p %M %U %G\n' | sort &&
    find . -type f -print0 | sort -z | xargs -0 sha256sum &&
    find . -print0 | sort -z | xargs -0 getfattr -hd &&
    find . ! -type l -print0 | sort -z | xargs -0 getfacl -np)
}

same() { diff <(describe "$1") <(describe "$2") >"$work/diff" || fail "$3: $(head -5 "$work/diff")"; }

# GNU tar's --sparse seeks; rsync's -S makes holes.
copy_trees() {
  step "tar, cp -a, rsync -aHAX"
  make_tree "$work/source"
  tar -C "$work/source" --xattrs --acls -cf - . >"$mnt/tree.tar"
  mkdir "$mnt/untarred"
  tar -C "$mnt/untarred" --xattrs --acls --numeric-owner -xpf "$mnt/tree.tar"
  cp -a "$work/source" "$mnt/copied"
  rsync -aHAX "$work/source/" "$mnt/synced/"
  cp -a "$mnt/copied" "$mnt/copied-inside"
  expect "" "$(rsync -aHAXni --checksum --delete "$work/source/" "$mnt/synced/")" "a second rsync has nothing to do"
  compare_trees
}

compare_trees() {
  local tree
  for tree in untarred copied synced copied-inside; do same "$work/source" "$mnt/$tree" "$tree"; done
}

use_git() {
  step "git"
  export GIT_CONFIG_NOSYSTEM=1 HOME=$work GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b
  git init -q -b main "$mnt/repository"
  cp -r "$work/source/wide" "$mnt/repository/"
  local i
  for i in 1 2 3; do
    head -c 40000 /dev/urandom | base64 >"$mnt/repository/big-$i"
    git -C "$mnt/repository" add -A
    git -C "$mnt/repository" commit -q -m "Commit $i"
  done
  git -C "$mnt/repository" gc -q --prune=now
  git -C "$mnt/repository" fsck --strict
  git clone -q --no-local "$mnt/repository" "$mnt/clone"
  git -C "$mnt/clone" fsck --strict
  expect "" "$(git -C "$mnt/clone" status --porcelain)" "git status of the clone"
  diff -r -x .git "$mnt/repository" "$mnt/clone"
}

use_sqlite() {
  local mode
  for mode in delete wal; do
    step "sqlite3, journal_mode=$mode"
    local database=$mnt/$mode.db
    expect "$mode" "$(sqlite3 "$database" "pragma journal_mode=$mode")" "journal mode"
    sqlite3 "$database" 'create table t(id integer primary key, word text, number); create index i on t(word);'
    sqlite3 "$database" "with recursive n(x) as (select 1 union all select x + 1 from n where x < 5000)
      insert into t select x, hex(randomblob(20)), x * x from n;"
    sqlite3 "$database" 'begin; delete from t where id % 3 = 0; rollback;'
    sqlite3 "$database" 'begin; delete from t where id % 5 = 0; update t set number = -number; commit;'
    sqlite3 "$database" 'vacuum'
    expect ok "$(sqlite3 "$database" 'pragma integrity_check')" "integrity_check"
    expect 4000 "$(sqlite3 "$database" 'select count(*) from t where number < 0')" "rows"
  done
}

build_project() {
  step "gcc, make"
  mkdir "$mnt/project"
  local i
  for i in $(seq 6); do
    printf '#include "all.h"\nint part_%s(int x) { return x + %s; }\n' "$i" "$i" >"$mnt/project/part_$i.c"
    echo "int part_$i(int);" >>"$mnt/project/all.h"
  done
  printf '#include <stdio.h>\n#include "all.h"\nint main(void) { printf("%%d\\n", part_1(part_6(35))); }\n' \
    >"$mnt/project/main.c"
  printf 'parts := $(patsubst %%.c,%%.o,$(wildcard *.c))\nprogram: libparts.a\n\t$(CC) -o $@ $^\nlibparts.a: $(parts)\n\tar rcs $@ $^\n%%.o: all.h\n' \
    >"$mnt/project/Makefile"
  make -s -j2 -C "$mnt/project" CC=gcc
  expect 42 "$("$mnt/project/program")" "the program that was built there"
  expect 0 "$(make -q -C "$mnt/project" CC=gcc; echo $?)" "a second make has nothing to do"
}

use_fio() {
  step "fio"
  local engine
  for engine in psync mmap; do
    fio --name=verify --filename="$mnt/fio.$engine" --size=4M --bs=4k --rw=randwrite --ioengine=$engine \
      --verify=crc32c --verify_fatal=1 --fsync=128 --output=fio.log || fail "fio $engine: $(tail -5 fio.log)"
  done
  fio --name=direct --filename="$mnt/fio.direct" --size=4M --bs=16k --rw=randwrite --direct=1 --verify=crc32c \
    --verify_fatal=1 --output=fio.log || fail "fio direct: $(tail -5 fio.log)"
}

# As editors do: a temporary file beside it, fsync, rename over the old one, fsync of the directory.
save_as_editors_do() {
  step "an editor's save"
  python3 - "$mnt/text" <<'PYTHON'
import os, sys
path = sys.argv[1]
for version in range(50):
    text = f"version {version}\n".encode() * (version * 40 + 1)
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    os.write(descriptor, text)
    os.fsync(descriptor)
    os.close(descriptor)
    if version % 2 and version > 1:
        os.link(path, path + "~")
    os.rename(path + ".new", path)
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)
    assert open(path, "rb").read() == text, version
    if os.path.exists(path + "~"):
        assert open(path + "~", "rb").read().startswith(b"version %d\n" % (version - 1)), version
        os.unlink(path + "~")
PYTHON
}

copy_trees
use_git
use_sqlite
build_project
use_fio
save_as_editors_do

step "again after a remount"
sums=$(cd "$mnt" && find . -path ./.spindle -prune -o -type f -print0 | sort -z | xargs -0 sha256sum)
unmount_volume
check_volume
mount_volume
compare_trees
expect "$sums" "$(cd "$mnt" && find . -path ./.spindle -prune -o -type f -print0 | sort -z | xargs -0 sha256sum)" "contents"
rm -rf "$mnt"/{untarred,copied-inside,repository,project} "$mnt"/fio.*
unmount_volume
check_volume
step "done"
