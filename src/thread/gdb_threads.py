"""Spindle's threads in gdb: of a program that runs, or of a core file.

    (gdb) source gdb_threads.py
    (gdb) spindle threads              lists the threads of every runtime
    (gdb) spindle bt 17                the backtrace of thread 17
    (gdb) spindle bt all               of every thread
    (gdb) spindle enter 17             frame, up, down, info locals ... are now those of thread 17
    (gdb) spindle leave

Nothing is written to the program: an unwinder presents the registers that a waiting thread left on its stack as the
frame that called the innermost one.
"""

import gdb
from gdb.unwinder import Unwinder, register_unwinder

STATES = ["ready", "running", "waiting", "ended"]
KINDS = ["queue", "mutex", "shared mutex", "condition", "semaphore", "latch", "barrier", "event", "channel", "join",
         "sleep", "readable", "writable", "monitor"]
CONTROLS_PER_SLAB = 1024

# What a switch leaves on the stack, from the stack pointer up, and how much it takes.
LAYOUTS = {
    "x86-64": (["r15", "r14", "r13", "r12", "rbx", "rbp", "rip"], 184, "rsp", "rip"),
    "aarch64": (["x%d" % i for i in range(19, 31)], 160, "sp", "pc"),
}


def controls():
    """Every Control that a thread of some runtime has."""
    # Not by an expression: the innermost frame may be in C.
    scheduler = gdb.lookup_global_symbol("spindle::thread::first_scheduler").value()
    while int(scheduler) != 0:
        pool = scheduler["pools_"]["controls_"]
        slabs = pool["slabs_"]["_M_impl"]["_M_start"]
        for slot in range(int(pool["size_"])):
            control = slabs[slot // CONTROLS_PER_SLAB]["controls"][slot % CONTROLS_PER_SLAB]
            if bool(control["live"]):
                yield control
        scheduler = scheduler["next_scheduler_"]


def find(number):
    for control in controls():
        if int(control["id"]) == number:
            return control
    raise gdb.GdbError("There is no thread %d: see 'spindle threads'." % number)


def waits_for(control):
    if int(control["state"]) != 2 or int(control["parked"]) == 0:
        return ""
    queue = control["parked"]["queue"]
    if int(queue) == 0:
        return ""
    text = "%s \"%s\"" % (KINDS[int(queue["kind_"])], queue["name_"].string())
    blocking = control["blocking"]
    if int(blocking) != 0 and int(blocking["holder_"]["thread"]) != 0:
        text += " held by thread %d" % int(blocking["holder_"]["thread"]["id"])
    return text


def layout():
    name = gdb.selected_inferior().architecture().name()
    return LAYOUTS["aarch64" if "aarch64" in name else "x86-64"]


class ParkedUnwinder(Unwinder):
    """While `control` is set, the innermost frame's caller is where that thread was left."""

    def __init__(self):
        super().__init__("spindle-parked-thread")
        self.stack_pointer = None

    def __call__(self, pending):
        if self.stack_pointer is None:
            return None
        registers, size, sp_name, pc_name = layout()
        if int(pending.read_register(sp_name)) != self.innermost:
            return None
        word = gdb.lookup_type("unsigned long")
        memory = gdb.Value(self.stack_pointer).cast(word.pointer())

        class FrameId:
            sp = gdb.Value(self.stack_pointer)
            pc = pending.read_register(pc_name)

        info = pending.create_unwind_info(FrameId())
        for i, register in enumerate(registers):
            info.add_saved_register(register, memory[i])
        if pc_name == "pc":
            info.add_saved_register("pc", memory[11])
        info.add_saved_register(sp_name, gdb.Value(self.stack_pointer + size))
        return info

    def enter(self, stack_pointer):
        self.leave()
        self.innermost = int(gdb.newest_frame().read_register(layout()[2]))
        self.stack_pointer = stack_pointer
        gdb.invalidate_cached_frames()

    def leave(self):
        self.stack_pointer = None
        gdb.invalidate_cached_frames()


UNWINDER = ParkedUnwinder()
register_unwinder(None, UNWINDER, replace=True)


def enter(control):
    if int(control["state"]) == 1:
        raise gdb.GdbError("Thread %d is running: see gdb's own threads." % int(control["id"]))
    if int(control["switches"]) == 0 or int(control["stack"]) == 0:
        raise gdb.GdbError("Thread %d has no stack." % int(control["id"]))
    UNWINDER.enter(int(control["context"]["stack_pointer"]))


class Spindle(gdb.Command):
    """Spindle's user-space threads."""

    def __init__(self):
        super().__init__("spindle", gdb.COMMAND_STACK, prefix=True)


class Threads(gdb.Command):
    """Lists the threads: number, state, switches, name, what each waits for."""

    def __init__(self):
        super().__init__("spindle threads", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        print("%6s  %-8s %10s  %-31s  %s" % ("ID", "STATE", "SWITCHES", "NAME", "WAITS FOR"))
        for control in controls():
            print("%6d  %-8s %10d  %-31s  %s" % (int(control["id"]), STATES[int(control["state"])],
                                                 int(control["switches"]), control["name"].string(),
                                                 waits_for(control)))


class Backtrace(gdb.Command):
    """spindle bt ID | all: the backtrace of threads that do not run."""

    def __init__(self):
        super().__init__("spindle bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        chosen = list(controls()) if argument == "all" else [find(int(argument))]
        for control in chosen:
            print("thread %d \"%s\" %s" % (int(control["id"]), control["name"].string(), waits_for(control)))
            try:
                enter(control)
                frame = gdb.newest_frame().older()
                number = 0
                while frame is not None and frame.is_valid() and number < 64:
                    line = frame.find_sal()
                    where = "%s:%d" % (line.symtab.filename, line.line) if line.symtab else ""
                    print("  #%-2d 0x%x %s %s" % (number, frame.pc(), frame.name() or "??", where))
                    frame = frame.older()
                    number += 1
            except gdb.GdbError as error:
                print("  " + str(error))
            finally:
                UNWINDER.leave()


class Enter(gdb.Command):
    """spindle enter ID: gdb's frame commands show that thread; its frames begin at number 1."""

    def __init__(self):
        super().__init__("spindle enter", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        enter(find(int(argument)))
        gdb.execute("frame 1")


class Leave(gdb.Command):
    """spindle leave: back to what the kernel thread runs."""

    def __init__(self):
        super().__init__("spindle leave", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        UNWINDER.leave()
        gdb.execute("frame 0")


for command in (Spindle, Threads, Backtrace, Enter, Leave):
    command()
