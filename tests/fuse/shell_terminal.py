"""A person at a terminal in front of `spindle shell MOUNT`: lines, keys, jobs, history and completion."""
import os, pty, select, sys, time

pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp("spindle", ["spindle", "shell", sys.argv[1]])
unread = b""


def until(text):
    """Waits for the text; returns what is shown up to its end."""
    global unread
    while text.encode() not in unread:
        ready, _, _ = select.select([terminal], [], [], 60)
        if not ready:
            sys.exit(f"no '{text}' is shown, but: {unread.decode(errors='replace')}")
        try:
            unread += os.read(terminal, 4096)
        except OSError:
            sys.exit(f"the shell has ended before '{text}': {unread.decode(errors='replace')}")
    end = unread.index(text.encode()) + len(text)
    shown, unread = unread[:end].decode(errors="replace"), unread[end:]
    return shown


def processes(name):
    proc = sys.argv[1] + "/.spindle/proc"
    found = []
    for number in filter(str.isdigit, os.listdir(proc)):
        try:
            with open(f"{proc}/{number}/comm") as comm, open(f"{proc}/{number}/stat") as stat:
                if comm.read().strip() == name:
                    found.append(stat.read().rsplit(")", 1)[1].split()[0])
        except OSError:
            pass
    return found


def await_processes(name, states):
    for _ in range(1200):
        if processes(name) == states:
            return
        time.sleep(0.05)
    sys.exit(f"{name} is {processes(name)}, not {states}")


def prompt():
    return until("machine:/$ ")


def line(text, *wanted):
    os.write(terminal, text.encode() + b"\r")
    for each in wanted:
        until(each)
    prompt()


def start(text, name, states):
    """Types a line whose program goes on running."""
    os.write(terminal, text.encode() + b"\r")
    await_processes(name, states)


def key(control):
    os.write(terminal, bytes([ord(control) - 64]))


prompt()
line("echo one", "echo one", "one\r\n")
os.write(terminal, b"\x1b[A\r")  # up: the line before
until("one\r\n"), until("one\r\n"), prompt()
line("echo /bin/leav\t", "/bin/leave.lua")
line("lea\t 3; echo s$?", "s3\r\n")

# A command of several lines.
os.write(terminal, b"for i in 1 2\r")
until("> ")
line("do echo n$i; done", "n1\r\nn2\r\n")

# What is typed goes to the program that reads, and its end of input is not the shell's.
start("cat", "cat", ["S"])
os.write(terminal, b"typed\r")
until("typed\r\n"), until("typed\r\n")
key("D")
prompt()

# Ctrl-C, also of loops.
start("sleeper", "sleeper", ["S"])
key("C")
prompt()
line("echo s$?", "s130\r\n")
start("while true; do sleeper; done", "sleeper", ["S"])
key("C")
prompt()
os.write(terminal, b"while :; do :; done\r")
time.sleep(0.2)
key("C")
prompt()

# Ctrl-Z, bg, fg.
start("sleeper", "sleeper", ["S"])
key("Z")
until("[1] stopped  sleeper"), prompt()
await_processes("sleeper", ["T"])
line("bg")
await_processes("sleeper", ["S"])
line("jobs", "[1] running  sleeper")
os.write(terminal, b"fg\r")
until("sleeper\r\n")
time.sleep(0.2)
key("C")
prompt()
await_processes("sleeper", [])

# The same for a pipeline that the shell runs in processes of its own.
start("(sleeper; echo no) | while read x; do echo $x; done", "sleeper", ["S"])
key("Z")
until("[1] stopped"), prompt()
await_processes("sleeper", ["T"])
start("fg", "sleeper", ["S"])
key("C")
prompt()
await_processes("sleeper", [])

start("sleeper & sleeper &", "sleeper", ["S", "S"])
until("[2] "), prompt()
line("kill %1 %2; wait %1; echo s$?", "s143\r\n")
line("history", "1  echo one", "history")
os.write(terminal, b"exit 4\r")
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
if status != 4:
    sys.exit(f"the shell's status is {status}")
with open(os.path.expanduser("~/.spindle_history")) as history:
    if "echo\\040one" not in history.read():
        sys.exit("the lines were not kept")
