#!/bin/bash
# The simulated machine through unmodified tools, in `spindle enter`: what they show is right and adds up, and what they do
# reaches simulated processes and no real one. "machine_tools.sh ordinary" does all of it as an ordinary user, who mounts, too.
here=$(realpath "$0")
if [ "${1:-}" = ordinary ] && [ "$(id -u)" = 0 ]; then
  [ -r /dev/fuse ] || { echo "skipped: /dev/fuse cannot be used"; exit 77; }
  runuser -u nobody -- test -x "$(command -v spindle)" || { echo "skipped: nobody may not run the programs"; exit 77; }
  # On many systems everybody may use /dev/fuse; here it is so only for this test.
  exec unshare -m bash -c 'mount -t tmpfs none /mnt && mknod -m 666 /mnt/fuse c 10 229 && mount --bind /mnt/fuse /dev/fuse &&
    exec runuser -u nobody -- env PATH="$(dirname "$(command -v spindle)"):/usr/sbin:/usr/bin:/sbin:/bin" TMPDIR=/tmp "$0" inside' "$here"
fi
. "$(dirname "$0")/library.sh"
for tool in ps top vmstat free pidstat iostat mpstat sar pmap lsof fuser pgrep pstree killall htop script w chrt prlimit; do
  command -v $tool >/dev/null || skip "$tool is not installed"
done
unshare -Ur true 2>/dev/null || [ "$(id -u)" = 0 ] || skip "there are no user namespaces"
export LC_ALL=C HOME=$work

mkdir -p tree/bin
cat >tree/bin/hog.lua <<'LUA'
local at = mmap(16 * 4096)
for i = 0, 15 do store(at + i * 4096, i) end
while true do compute(5) end
LUA
echo 'while true do sleep(1000) end' >tree/bin/sleeper.lua
cat >tree/bin/reader.lua <<'LUA'
local fd = open("/data", "r")
while true do
  seek(fd, 0)
  while #read(fd, 65536) > 0 do end
  sleep(10)
end
LUA
echo 'for i = 1, 3 do thread(function() while true do sleep(i * 1000) end end) end sleep(1e9)' >tree/bin/threads.lua
head -c 300K /dev/urandom >tree/data
new_volume 64M -d tree
mount_volume
control=$mnt/.spindle
machine=$control/machine

inside() { timeout 60 spindle enter "$mnt" "$@"; }
start() { python3 - "$machine/run" "$@" <<'PYTHON'
import os, sys
run = os.open(sys.argv[1], os.O_RDWR)
os.write(run, " ".join(sys.argv[2:]).encode())
print(os.pread(run, 100, 0).decode().strip())
PYTHON
}
# Whether what the command prints has a line of that pattern.
shows() {
  local pattern=$1 said
  shift
  said=$(inside "$@" 2>/dev/null) || return 1
  grep -qE -- "$pattern" <<<"$said"
}
status_of() {
  local status=0
  inside "$@" 2>/dev/null || status=$?
  echo "$status"
}
field() { inside ps -o "$2=" -p "$1" | tr -d ' '; }

set_up() {
  step "a machine that nobody asks for is not made"
  local threads
  threads=$(ls "/proc/$daemon/task" | wc -l)
  cat "$control/volume/statistics" >/dev/null
  expect "$threads" "$(ls "/proc/$daemon/task" | wc -l)" "kernel threads of the daemon"
  echo 2 >"$machine/cpus"
  hog=$(start /bin/hog.lua one "'two words'")
  second=$(start /bin/hog.lua)
  sleeper=$(start /bin/sleeper.lua)
  reader=$(start /bin/reader.lua)
}

who_runs() {
  step "who runs"
  expect "1 2 $hog $second $sleeper $reader" "$(inside ps -eo pid= | xargs)" "the processes"
  expect "1 2 $hog $second $sleeper $reader" "$(cd "$control/proc" && ls -d [0-9]* | sort -n | xargs)" "proc"
  expect "init kthreadd hog hog sleeper reader" "$(inside ps -eo comm= | xargs)" "names"
  expect "/bin/hog.lua one two words" "$(inside ps -o args= -p "$hog")" "arguments"
  expect "1" "$(field "$hog" ppid)" "parent"
  expect "R" "$(field "$hog" state)" "state of the hog"
  expect "S" "$(field "$sleeper" state)" "state of the sleeper"
  expect "hrtimer_nanosleep" "$(inside ps -o wchan:20= -p "$sleeper" | tr -d ' ')" "where it sleeps"
  expect "$(id -un)" "$(field "$hog" user)" "whose it is"
  expect "$hog $second" "$(inside pgrep hog | xargs)" "pgrep"
  shows "hog.$hog\)" pstree -p 1 || fail "pstree does not show the hog"
  expect "$sleeper: $mnt" "$(inside pwdx "$sleeper")" "pwdx"
  expect "2: $mnt" "$(inside pwdx 2)" "where a kernel thread is"
  shows "hog.lua one" ps -eLf || fail "ps -eLf"
  shows "hog.lua one" ps aux || fail "ps aux"
  inside ps axjf >/dev/null
  # A process that asks finds an alias of itself, which no list shows, and no other number.
  ! shows '^ *3000[0-9]' ps -eo pid= || fail "a real process is listed"
  [ ! -e "$control/proc/29999" ] || fail "a process that is not there is found"
}

# Once with the clock running, for tools that compute from two looks.
how_busy() {
  step "how busy"
  local report
  # Each tool looks for a second: all run at once.
  inside pidstat 1 1 >pidstat &
  inside vmstat 1 2 >vmstat &
  inside mpstat -P ALL 1 1 >mpstat &
  inside sar -u -r -b -d 1 1 >sar &
  report=$(inside top -b -n 2 -d 2)
  wait
  python3 - "$report" <<'PYTHON'
import re, sys
last = sys.argv[1].split("top - ")[-1]
idle = float(re.search(r"([\d.]+) id", last)[1])
shares = [float(line.split()[8]) for line in last.splitlines() if re.match(r"\s*\d+ \w", line)]
assert abs(sum(shares) - 2 * (100 - idle)) < 25, (sum(shares), idle, last)
assert sum(shares) > 140, last
PYTHON
  awk -v hog="$hog" '/^Average/ && $3 == hog && $8 > 60 { found = 1 } END { exit !found }' pidstat || fail "pidstat misses the hog"
  tail -1 vmstat | awk '{ exit !($13 + $14 + $15 + $16 >= 98 && $13 > 60) }' || fail "vmstat's columns"
  expect 2 "$(grep -cE '^Average: +[01] ' mpstat)" "mpstat's CPUs"
  shows '^sda ' iostat -x 1 1 || fail "iostat shows no disk"
  grep -q 'Average:.*sda' sar || fail "sar shows no disk"
  expect 2 "$(inside lscpu | awk '/^CPU\(s\):/ { print $2 }')" "lscpu's CPUs"
  expect spindle "$(inside hostname)" "the host's name"
}

# At rest, all files show the same instant and must agree.
add_up() {
  step "sums"
  echo 0 >"$machine/rate"
  python3 - "$control/proc" <<'PYTHON'
import os, sys
proc = sys.argv[1]
def read(name):
    with open(f"{proc}/{name}") as file:
        return file.read()
uptime = float(read("uptime").split()[0])
rows = [line.split() for line in read("stat").splitlines()]
cpus = [list(map(int, row[1:])) for row in rows if row[0].startswith("cpu") and row[0] != "cpu"]
total = next(list(map(int, row[1:])) for row in rows if row[0] == "cpu")
assert len(cpus) == 2 and total == [sum(column) for column in zip(*cpus)], rows
for cpu in cpus:
    assert abs(sum(cpu) - 100 * uptime) <= 8, (cpu, uptime)
tasks = [pid for pid in os.listdir(proc) if pid.isdigit()]
used = mapped = 0
for pid in tasks:
    text = read(f"{pid}/stat")
    fields = text[text.rindex(")") + 2:].split()
    assert len(fields) == 50, text
    used += int(fields[11]) + int(fields[12])
    for columns in (line.split(None, 5) for line in read(f"{pid}/maps").splitlines()):
        if columns[4] != "0":  # a file: stat names the same device and inode
            seen = os.stat(columns[5])
            device = f"{os.major(seen.st_dev):02x}:{os.minor(seen.st_dev):02x}"
            assert columns[3:5] == [device, str(seen.st_ino)], (columns, device, seen.st_ino)
            mapped += 1
    status = dict(line.split(":\t", 1) for line in read(f"{pid}/status").splitlines())
    if "VmRSS" in status:
        kib = lambda key: int(status[key].split()[0])
        assert kib("VmRSS") == kib("RssAnon") + kib("RssFile") + kib("RssShmem"), status
        assert kib("VmRSS") == 4 * int(fields[21]) == 4 * int(read(f"{pid}/statm").split()[1]), status
        sizes = [line.split() for line in read(f"{pid}/smaps").splitlines()]
        assert kib("VmRSS") == sum(int(row[1]) for row in sizes if row[0] == "Rss:"), status
        assert kib("VmSize") == int(fields[20]) // 1024 == sum(int(row[1]) for row in sizes if row[0] == "Size:"), status
assert abs(used - total[0] - total[1] - total[2]) <= 2 * len(tasks) + 6, (used, total)
assert mapped >= 4, mapped
for name in "meminfo", "vmstat":
    assert len(read(name)) < 8191
    with open(f"{proc}/{name}") as file:  # the same in small reads
        assert "".join(iter(lambda: file.read(64), "")) == read(name)
PYTHON
  local size resident
  read -r size resident <<<"$(inside ps -o vsz=,rss= -p "$hog")"
  [ "$resident" -ge 64 ] || fail "the hog has $resident KiB in memory"
  shows "^total kB +$size +$resident " pmap -x "$hog" || fail "pmap -x has other sums than ps"
  shows " $resident " pmap -X "$hog" || fail "pmap -X"
  expect "$(awk '/^MemTotal/ { print $2 }' "$control/proc/meminfo")" "$(inside free -k | awk '/^Mem/ { print $2 }')" "free"
  inside top -b -n 1 >/dev/null
  shows process slabtop -o || fail "slabtop"
  local up load
  up=$(awk '{ print int($1 / 60) }' "$control/proc/uptime")
  load=$(awk '{ print $1 ", " $2 ", " $3 }' "$control/proc/loadavg")
  shows "up $up min, .*load average: $load$" uptime || fail "uptime: $(inside uptime)"
  shows "up $up min, .*load average: $load$" w || fail "w: $(inside w)"
  shows "^reader *$reader " lsof -n -P "$mnt/data" || fail "lsof misses who holds the file"
  expect "$reader" "$(inside fuser "$mnt/data" 2>/dev/null | xargs)" "fuser"
  echo 1 >"$machine/rate"
}

reach() {
  step "signals, priorities and the like"
  inside kill -STOP "$sleeper"
  expect T "$(field "$sleeper" state)" "a stopped process"
  inside bash -c "kill -CONT $sleeper"
  await "field $sleeper state" S  # it runs for a moment, to sleep on
  inside renice -n 7 -p "$hog" >/dev/null
  expect 7 "$(field "$hog" ni)" "a niced process"
  if [ "$(id -u)" = 0 ]; then
    inside renice -n 6 -p "$hog" >/dev/null
    expect 6 "$(field "$hog" ni)" "a process that root made less nice"
  else
    refuses "Permission denied" inside renice -n 6 -p "$hog"
    expect 7 "$(field "$hog" ni)" "a process that its owner may not make less nice"
    refused_with EACCES machine/run "-n -1 /bin/sleeper.lua"
  fi
  # User 0 means the caller: setpriority(2).
  inside python3 -c 'import os; os.setpriority(os.PRIO_USER, 0, 8)'
  expect "8 8" "$(field "$hog" ni) $(field "$sleeper" ni)" "the processes that their user niced"
  inside taskset -pc 1 "$second" >/dev/null
  grep -q '^Cpus_allowed_list:.1$' "$control/proc/$second/status" || fail "taskset"
  inside chrt -b -p 0 "$second"
  shows 'SCHED_BATCH' chrt -p "$second" || fail "chrt does not show what it set"
  expect "B 0" "$(inside ps -o cls=,rtprio= -p "$second" | xargs)" "class and priority that chrt set"
  inside chrt -o -p 0 "$second"
  if [ "$(id -u)" = 0 ]; then
    inside chrt -f -p 30 "$second"
    expect "FF 30" "$(inside ps -o cls=,rtprio= -p "$second" | xargs)" "class and priority that chrt set"
    inside chrt -o -p 0 "$second"
  else
    refuses "not permitted" inside chrt -f -p 30 "$second"
  fi
  inside ionice -c 3 -p "$second"
  expect "idle" "$(inside ionice -p "$second" | xargs)" "the I/O class that ionice set"
  inside ionice -c 2 -n 6 -p "$second"
  expect "best-effort: prio 6" "$(inside ionice -p "$second")" "the I/O class and level that ionice set"
  grep -q '^ionice best-effort 6$' "$control/proc/$second/ctl" || fail "ctl does not show what ionice set"
  if [ "$(id -u)" = 0 ]; then
    inside ionice -c 1 -n 0 -p "$second"
    expect "realtime: prio 0" "$(inside ionice -p "$second")" "real-time I/O"
  else
    refuses "not permitted" inside ionice -c 1 -n 0 -p "$second"
  fi
  refuses "such process" inside ionice -c 3 -p 29000
  inside prlimit --nofile=64 --pid "$second"
  expect "64" "$(inside prlimit --nofile --noheadings -o SOFT --pid "$second" | xargs)" "a limit that prlimit set"
  grep -qE '^Max open files +64 ' "$control/proc/$second/limits" || fail "proc does not show what prlimit set"
  shows '^CORE .*unlimited' prlimit --pid "$second" || fail "prlimit does not list all limits"
  inside pkill -f 'hog.lua one'
  expect "$second" "$(inside pgrep hog)" "after pkill"
  inside killall sleeper
  expect "" "$(inside pgrep sleeper || true)" "after killall"
  sleeper=$(start /bin/sleeper.lua)
  # htop: F9, Enter sends SIGTERM to the one process that it shows.
  { while [ -e "$control/proc/$sleeper" ]; do printf '\e[20~'; sleep 0.3; printf '\r'; sleep 0.3; done; printf q; } |
    TERM=xterm timeout 60 script -qec "spindle enter $mnt htop -p $sleeper" /dev/null >htop.out || true
  [ ! -e "$control/proc/$sleeper" ] ||
    fail "htop's F9 did not reach the process; it said: $(tail -c 500 htop.out | cat -v)"
  # A real process cannot be reached, by its number inside or outside.
  sleep 100 &
  local real=$!
  refuses "such process" inside kill "$real"
  refuses "such process" inside bash -c "kill -9 $real"
  is_alive "$real" || fail "a real process was hit"
  kill "$real"
  expect 7 "$(status_of bash -c 'exit 7')" "the command's status"
  expect 127 "$(status_of nonsense)" "a command that is not there"
  expect 137 "$(status_of bash -c 'kill -9 $$')" "a command that was killed"
  refuses "no simulated machine" spindle enter "$work" true
  expect "$(inside echo -n one -- two)" "$(inside -- echo -n one -- two)" "a command after --"
}

commands() {
  step "ctl and machine"
  refused_with EINVAL "proc/$second/ctl" "nonsense"
  refused_with EINVAL "proc/$second/ctl" "nice much"
  refused_with EINVAL machine/policy nonsense
  refused_with EINVAL machine/rate -3
  refused_with EBUSY machine/cpus 4
  refused_with EBUSY machine/allocation segmentation
  refused_with EINVAL machine/replacement nonsense
  refused_with ENOENT machine/run /bin/none.lua
  echo rr >"$machine/policy"
  grep -qF '[rr]' "$machine/policy" || fail "the policy was not set"
  python3 - "$control" "$second" <<'PYTHON'
import errno, os, sys, time
control, second = sys.argv[1:]
def raises(number, call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        assert error.errno == number, error
        return
    raise AssertionError(f"{call} {arguments} was not refused")
ctl = os.open(f"{control}/proc/{second}/ctl", os.O_WRONLY)
good = b"nice 9\ncpus 0\n"
assert os.write(ctl, good + b"nonsense\n") == len(good)  # as far as it went
text = open(f"{control}/proc/{second}/ctl").read()
assert "nice 9\n" in text and "cpus 0\n" in text, text
stat = os.open(f"{control}/proc/{second}/stat", os.O_RDONLY)
assert os.read(stat, 4096)
pipe = os.open(f"{control}/machine/trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
seen = b""
for _ in range(6000):
    try:
        seen += os.read(pipe, 65536)
    except BlockingIOError:
        time.sleep(0.01)
    if b"sched_switch" in seen: break
assert b"sched_switch" in seen, seen[:200]
os.write(ctl, b"kill 0\nkill KILL")
for _ in range(3000):
    if not os.path.exists(f"{control}/proc/{second}"): break
    time.sleep(0.02)
raises(errno.ESRCH, os.pread, stat, 4096, 0)
raises(errno.ESRCH, os.write, ctl, b"stop")
raises(errno.ENOENT, os.stat, f"{control}/proc/{second}/stat")
PYTHON
  echo 0 >"$machine/rate"
  # Nothing more happens: the reader waits, and can be killed.
  timeout 1 cat "$machine/trace_pipe" >/dev/null || true
  timeout -s INT 0.5 cat "$machine/trace_pipe" >/dev/null || true
  expect "# tracer: nop" "$(sed -n 1p "$machine/trace")" "the trace's first line"
  python3 -m json.tool "$machine/trace.json" >/dev/null || fail "trace.json is not JSON"
  grep -q "^$reader .* read(" "$control/proc/$reader/strace" || fail "strace"
  echo 1 >"$machine/rate"
}

# What programs of the machine do to files is visible outside at once, also if something else was visible before.
files() {
  step "files"
  cat >"$mnt/bin/writer.lua" <<'LUA'
for round = 1, 2 do
  local fd = open("/out", "w")
  write(fd, round == 1 and "first" or "the second")
  close(fd)
  while not open("/go-on-" .. round, "r") do sleep(1) end
end
remove("/out")
LUA
  [ ! -e "$mnt/out" ] || fail "there is a file already"
  local writer wanted
  writer=$(start /bin/writer.lua)
  for wanted in first "the second"; do
    await "cat '$mnt/out' 2>/dev/null" "$wanted"
    touch "$mnt/go-on-$([ "$wanted" = first ] && echo 1 || echo 2)"
  done
  await "ls '$mnt/out' 2>/dev/null" ""
  await "ls -d '$control/proc/$writer' 2>/dev/null" ""
}

# Waits until the command prints that.
await() {
  local try
  for try in $(seq 1200); do
    [ "$(eval "$1" || true)" != "$2" ] || return 0
    sleep 0.05
  done
  fail "'$1' never gives '$2', but '$(eval "$1" || true)'"
}

# Details on which tools depend.
rules() {
  step "the rules of /proc"
  local threads
  threads=$(start /bin/threads.lua)
  for try in $(seq 1200); do
    [ "$(ls "$control/proc/$threads/task" | wc -l)" != 4 ] || break
    sleep 0.05
  done
  python3 - "$control/proc" "$threads" <<'PYTHON'
import os, stat, sys, time
proc, process = sys.argv[1:]
def read(name):
    with open(f"{proc}/{name}") as file:
        return file.read()
# Processes in ascending order, each a folder; no entry without a number of its own; nothing else that is a number.
entries = list(os.scandir(proc))
numbers = [entry.name for entry in entries if entry.name.isdigit()]
assert numbers == sorted(numbers, key=int), numbers
assert all(entry.is_dir(follow_symlinks=False) for entry in entries if entry.name.isdigit())
assert all(entry.inode() != 0 for entry in entries)
# A thread is found by its number, though no list shows it; it shows the whole process as its group.
threads = os.listdir(f"{proc}/{process}/task")
assert len(threads) == 4 and process in threads and threads == sorted(threads, key=int), threads
for thread in threads:
    assert (thread == process) == (thread in numbers)
    assert f"\nTgid:\t{process}\n" in read(f"{thread}/status") and f"\nPid:\t{thread}\n" in read(f"{thread}/status")
    assert read(f"{process}/task/{thread}/stat").startswith(f"{thread} (")
    assert not os.path.exists(f"{proc}/{process}/task/{thread}/task")
    assert not os.path.exists(f"{proc}/self/task/{thread}")
# Owners agree; sizes are not shown; links to namespaces lead to files.
for name in ("stat", "status", "io", "smaps", "environ"):
    seen = os.stat(f"{proc}/{process}/{name}")
    assert seen.st_size == 0 and seen.st_uid == os.stat(f"{proc}/{process}").st_uid and seen.st_mode & 0o444 == 0o444, name
assert int(read(f"{process}/status").split("Uid:")[1].split()[0]) == os.stat(f"{proc}/{process}").st_uid
for name in os.listdir(f"{proc}/{process}/ns") if os.path.isdir(f"{proc}/{process}/ns") else []:
    assert stat.S_ISREG(os.stat(f"{proc}/{process}/ns/{name}").st_mode), name
# An open file is made anew when it is read from its start, and stays the same when read on.
uptime = os.open(f"{proc}/uptime", os.O_RDONLY)
first = os.pread(uptime, 100, 0)
for _ in range(500):
    if os.pread(uptime, 100, 0) != first: break
    time.sleep(0.01)
else:
    raise AssertionError("uptime stands still")
for name in ("stat", "meminfo", "vmstat", "diskstats", f"{process}/smaps"):
    file = os.open(f"{proc}/{name}", os.O_RDONLY)
    whole = os.pread(file, 1 << 20, 0)
    pieces = b"".join(os.pread(file, 1000, at) for at in range(1000, len(whole), 1000))
    assert whole[1000:] == pieces and os.pread(file, 10, len(whole)) == b"", name
assert len(read("meminfo")) < 8192 and len(read("vmstat")) < 8192
PYTHON
  kill_one "$threads"
}

# A process that is started while time stands still exists, and waits for the policy; and the same workload and seed,
# under a policy that draws lots, runs as it does without a mount.
same_as_offline() {
  step "the same offline"
  cat >"$mnt/bin/work.lua" <<'LUA'
for i = 1, 20 do compute(math.random(1, tonumber(arg[1]))) sleep(math.random(1, 9)) end
LUA
  cp "$mnt/bin/work.lua" .
  cat >same.lua <<'LUA'
machine { policy = "lottery", quantum = 5, seed = 7 }
for _, most in ipairs { 40, 20, 10 } do process { "work", program = "work.lua", arguments = { tostring(most) } } end
LUA
  spindle run same.lua --json >offline.json
  echo 0 >"$machine/rate"
  echo 1 >"$machine/restart"
  echo 1 >"$machine/cpus"
  local most
  for most in 40 20 10; do start "/bin/work.lua $most" >/dev/null; done
  expect "3 R 4 R 5 R" "$(inside ps -o pid=,state= -C work | xargs)" "who waits for a CPU"
  expect 0 "$(cat "$machine/now_ns")" "the time"
  echo lottery >"$machine/policy"
  echo 5000000 >"$machine/quantum_ns"
  echo 7 >"$machine/seed"
  echo max >"$machine/rate"
  await "ls '$control/proc' | grep -c '^[0-9]'" 2
  python3 - "$machine/records.json" offline.json <<'PYTHON'
import json, sys
here, there = (json.load(open(name)) for name in sys.argv[1:])
here = [(row["process"], row["first_run_ms"], row["end_ms"], row["cpu_ms"]) for row in here]
there = [(row["pid"], row["response"], row["completion"], row["cpu"]) for row in there["processes"]]
assert len(here) == 3 and all(abs(a - b) < 0.001 for h, t in zip(here, there) for a, b in zip(h, t)), f"{here}\n{there}"
PYTHON
  # Shortest first, in whatever order they came.
  echo 0 >"$machine/rate"
  echo sjf >"$machine/policy"
  cat >"$mnt/bin/burst.lua" <<'LUA'
compute(tonumber(arg[1]))
LUA
  for most in 300 200 100; do start "/bin/burst.lua $most" >/dev/null; done
  echo max >"$machine/rate"
  await "ls '$control/proc' | grep -c '^[0-9]'" 2
  expect "8 7 6" "$(sort -n -k 5 "$machine/records" | tail -3 | awk '{print $1}' | xargs)" "the order of their ends"
}

kill_one() { echo kill KILL >"$control/proc/$1/ctl"; }

# EINVAL and the like at write, and last_error names the file and says why.
refused_with() {
  python3 - "$control/$2" "$1" "$3" <<'PYTHON' || fail "'$3' to $2 is not refused with $1"
import errno, os, sys
descriptor = os.open(sys.argv[1], os.O_WRONLY)
try:
    os.write(descriptor, sys.argv[3].encode() + b"\n")
except OSError as error:
    sys.exit(0 if error.errno == getattr(errno, sys.argv[2]) else f"{error}")
sys.exit("it was taken")
PYTHON
  grep -qF "$2: " "$control/last_error" || fail "last_error does not name $2: $(cat "$control/last_error")"
}

set_up
rules
who_runs
how_busy
add_up
reach
files
commands
same_as_offline
unmount_volume
check_volume
