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

import re
import struct

import gdb
from gdb.unwinder import Unwinder, register_unwinder

STATES = ["ready", "running", "waiting", "ended"]
RUNNING, WAITING = 1, 2
KINDS = ["queue", "mutex", "shared mutex", "condition", "semaphore", "latch", "barrier", "event", "channel", "join",
         "sleep", "readable", "writable", "monitor", "once"]
CONTROLS_PER_SLAB = 1024
MOST_FRAMES = 64

# What a switch leaves on the stack, from the stack pointer up, and how much it takes; and the register that is kept in
# a frame for the address to return to.
LAYOUTS = {
    "x86-64": (["r15", "r14", "r13", "r12", "rbx", "rbp", "rip"], 184, "rsp", "rip", "rip"),
    "aarch64": (["x%d" % i for i in range(19, 31)], 160, "sp", "pc", "x30"),
}
WORD = struct.Struct("<Q")


def member_of(kind, path):
    """The offset in bytes of a member (a path of names) in a class, and the member's type."""
    offset = 0
    for name in path.split("."):
        field = next(one for one in kind.strip_typedefs().fields() if one.name == name)
        offset += field.bitpos // 8
        kind = field.type
    return offset, kind


class Fields:
    """Some members of a class, read from bytes of it: gdb takes far longer to present each as a value."""

    FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}

    def __init__(self, type_name, paths):
        kind = gdb.lookup_type(type_name)
        self.size = kind.sizeof
        self.readers = {}
        for path in paths:
            offset, field = member_of(kind, path)
            is_text = field.strip_typedefs().code == gdb.TYPE_CODE_ARRAY
            form = "%ds" % field.sizeof if is_text else self.FORMATS[field.sizeof]
            self.readers[path.split(".")[-1]] = (struct.Struct("<" + form), offset)

    def read(self, memory, at=0):
        return {name: reader.unpack_from(memory, at + offset)[0] for name, (reader, offset) in self.readers.items()}

    def read_at(self, address):
        return self.read(gdb.selected_inferior().read_memory(address, self.size))


def text_of(name):
    return name.split(b"\0")[0].decode(errors="replace")


class Thread:
    """What its Control says."""

    def __init__(self, fields):
        self.id = fields["id"]
        self.name = text_of(fields["name"])
        self.state = fields["state"]
        self.switches = fields["switches"]
        self.parked = fields["parked"]
        self.blocking = fields["blocking"]
        self.stack = fields["stack"]
        self.stack_pointer = fields["stack_pointer"]


def threads():
    """All that some runtime has, in the order of their numbers."""
    fields = Fields("spindle::thread::Control", ["id", "name", "state", "switches", "parked", "blocking", "stack",
                                                 "live", "context.stack_pointer"])
    # Not by an expression: the innermost frame may be in C.
    scheduler = gdb.lookup_global_symbol("spindle::thread::first_scheduler").value()
    while int(scheduler) != 0:
        pool = scheduler["pools_"]["controls_"]
        slabs = pool["slabs_"]["_M_impl"]["_M_start"]
        size = int(pool["size_"])
        found = []
        for first in range(0, size, CONTROLS_PER_SLAB):
            count = min(size - first, CONTROLS_PER_SLAB)
            begin = int(slabs[first // CONTROLS_PER_SLAB]["controls"])
            memory = gdb.selected_inferior().read_memory(begin, count * fields.size)
            for slot in range(count):
                control = fields.read(memory, slot * fields.size)
                if control["live"]:
                    found.append(Thread(control))
        found.sort(key=lambda thread: thread.id)
        yield from found
        scheduler = scheduler["next_scheduler_"]


def find(argument, usage):
    try:
        number = int(argument)
    except ValueError:
        raise gdb.GdbError("Which thread? " + usage) from None
    for thread in threads():
        if thread.id == number:
            return thread
    raise gdb.GdbError("There is no thread %d: see 'spindle threads'." % number)


class Waits:
    """Says what threads wait for, and who holds it."""

    def __init__(self):
        self.nodes = Fields("spindle::thread::WaitNode", ["queue"])
        self.queues = Fields("spindle::thread::WaitQueue", ["name_", "kind_"])
        self.edges = Fields("spindle::thread::Blocking", ["owners_.alone", "owners_.readers"])
        self.readers = Fields("spindle::thread::Readers", ["first_.thread"])
        self.holders = Fields("spindle::thread::Holder", ["thread"])
        self.controls = Fields("spindle::thread::Control", ["id"])
        self.known = {}

    def of(self, thread):
        if thread.state != WAITING or thread.parked == 0:
            return ""
        queue = self.nodes.read_at(thread.parked)["queue"]
        if queue == 0:
            return ""
        if queue not in self.known:
            fields = self.queues.read_at(queue)
            name = gdb.Value(fields["name_"]).cast(gdb.lookup_type("char").pointer()).string(errors="replace")
            self.known[queue] = "%s \"%s\"" % (KINDS[fields["kind_"]], name)
        return self.known[queue] + self.holder(thread)

    def holder(self, thread):
        if thread.blocking == 0:
            return ""
        edge = self.edges.read_at(thread.blocking)
        # A mutex that is waited for has a mark in the lowest bit.
        holder = self.holders.read_at(edge["alone"])["thread"] & ~1
        if holder == 0 and edge["readers"] != 0:
            holder = self.readers.read_at(edge["readers"])["thread"]
        return " held by thread %d" % self.controls.read_at(holder)["id"] if holder != 0 else ""


def layout():
    name = gdb.selected_inferior().architecture().name()
    return LAYOUTS["aarch64" if "aarch64" in name else "x86-64"]


class ParkedUnwinder(Unwinder):
    """While `stack_pointer` is set, the innermost frame's caller is where that thread was left."""

    def __init__(self):
        super().__init__("spindle-parked-thread")
        self.stack_pointer = None

    def __call__(self, pending):
        if self.stack_pointer is None:
            return None
        registers, size, sp_name, pc_name, _ = layout()
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


def enter(thread):
    if thread.state == RUNNING:
        raise gdb.GdbError("Thread %d is running: see gdb's own threads." % thread.id)
    if thread.switches == 0 or thread.stack == 0:
        raise gdb.GdbError("Thread %d has no stack." % thread.id)
    UNWINDER.enter(thread.stack_pointer)


class Frame:
    """A frame of some thread's, inlined ones included, and what called it.

    Where a frame has put its caller's registers is fixed by the place in the code and by the registers that point into
    the stack. So threads that have come to this frame with the same return addresses and the same distances within
    their stacks keep their registers in the same places, and so on with the next frame.
    """

    def __init__(self, text):
        self.text = text
        self.is_last = False
        self.places = None  # of the saved registers, as distances from the stack pointer; None: not known
        self.callers = {}


class Backtraces:
    """Backtraces of many threads: gdb unwinds one of each shape of stack, for it takes milliseconds to do so."""

    def __init__(self):
        registers, _, _, self.pc_name, self.link_name = layout()
        self.stacks = Fields("spindle::thread::Stack", ["top"])
        self.begin = Frame("")
        self.begin.places = [WORD.size * place for place in range(len(registers))]

    def of(self, thread):
        if thread.state == RUNNING or thread.switches == 0 or thread.stack == 0:
            enter(thread)  # says why not
        memory = self.used_stack(thread)
        text = self.of_known_shape(thread.stack_pointer, memory) if memory is not None else None
        return text if text is not None else self.learn(thread, memory)

    def used_stack(self, thread):
        """None if a core file lacks a part of it, which was never touched."""
        top = self.stacks.read_at(thread.stack)["top"]
        try:
            return gdb.selected_inferior().read_memory(thread.stack_pointer, top - thread.stack_pointer).tobytes()
        except gdb.MemoryError:
            return None

    def of_known_shape(self, stack_pointer, memory):
        texts = []
        frame = self.begin
        while not frame.is_last:
            frame = frame.callers.get(self.key(frame, stack_pointer, memory)) if frame.places is not None else None
            if frame is None:
                return None
            texts.append(frame.text)
        return "".join(texts)

    @staticmethod
    def key(frame, stack_pointer, memory):
        """Of its caller: the return address, and how far away those registers point that point into the stack."""
        words = [WORD.unpack_from(memory, place)[0] for place in frame.places]
        key = [words[-1]]
        for word in words[:-1]:
            distance = word - stack_pointer
            key.append(distance if 0 <= distance <= len(memory) else None)
        return tuple(key)

    def learn(self, thread, memory):
        enter(thread)
        try:
            return self.unwind(thread.stack_pointer, memory)
        finally:
            UNWINDER.leave()

    def unwind(self, stack_pointer, memory):
        texts = []
        number = 0
        known = self.begin if memory is not None else None
        at = gdb.newest_frame().older()
        while at is not None and number < MOST_FRAMES:
            lines = [describe(number, at)]
            while at.type() == gdb.INLINE_FRAME and at.older() is not None:
                at = at.older()
                lines.append(describe(number + len(lines), at))
            number += len(lines)
            texts.append("".join(lines))
            known = self.note_caller(known, texts[-1], at, stack_pointer, memory)
            last, at = at, caller_of(at)
            if known is not None and (at is None or number >= MOST_FRAMES):
                self.note_end(known, last.unwind_stop_reason(), number, stack_pointer, memory)
        return "".join(texts)

    def note_caller(self, known, text, frame, stack_pointer, memory):
        if known is None or known.places is None:
            return None
        caller = known.callers.setdefault(self.key(known, stack_pointer, memory), Frame(text))
        caller.places = self.places_of(frame, stack_pointer, len(memory))
        return caller

    def note_end(self, known, reason, number, stack_pointer, memory):
        if number >= MOST_FRAMES or reason == gdb.FRAME_UNWIND_OUTERMOST:
            known.is_last = True
        elif reason == gdb.FRAME_UNWIND_NO_REASON and known.places is not None:
            # gdb calls nothing that would return to address 0 a frame.
            nothing = Frame("")
            nothing.is_last = True
            known.callers[self.key(known, stack_pointer, memory)] = nothing

    def places_of(self, frame, stack_pointer, size):
        """Where it has saved its caller's registers, the return address last."""
        frame.select()
        told = gdb.execute("info frame", to_string=True)
        saved = dict(re.findall(r"(\w+) at (0x[0-9a-f]+)", told.partition("Saved registers:")[2]))
        # Below a signal's frame the program goes on at a saved pc, and with a saved stack pointer.
        returns_to = self.pc_name if self.pc_name in saved else self.link_name
        if returns_to not in saved:
            return None
        names = [name for name in saved if name != returns_to] + [returns_to]
        places = [int(saved[name], 16) - stack_pointer for name in names]
        return places if all(0 <= place <= size - WORD.size for place in places) else None


def caller_of(frame):
    """None at the end, where the address to return to is 0."""
    caller = frame.older()
    return caller if caller is not None and caller.pc() != 0 else None


def describe(number, frame):
    line = frame.find_sal()
    where = "%s:%d" % (line.symtab.filename, line.line) if line.symtab else ""
    return "  #%-2d 0x%x %s %s\n" % (number, frame.pc(), frame.name() or "??", where)


class Spindle(gdb.Command):
    """Spindle's user-space threads."""

    def __init__(self):
        super().__init__("spindle", gdb.COMMAND_STACK, prefix=True)

    def invoke(self, argument, from_tty):
        gdb.execute("help spindle")


class Threads(gdb.Command):
    """Lists the threads: number, state, switches, name, what each waits for."""

    def __init__(self):
        super().__init__("spindle threads", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        waits = Waits()
        lines = ["%6s  %-8s %10s  %-31s  %s" % ("ID", "STATE", "SWITCHES", "NAME", "WAITS FOR")]
        for thread in threads():
            lines.append("%6d  %-8s %10d  %-31s  %s" % (thread.id, STATES[thread.state], thread.switches, thread.name,
                                                        waits.of(thread)))
        print("\n".join(lines))


class Backtrace(gdb.Command):
    """spindle bt ID | all: the backtrace of threads that do not run."""

    def __init__(self):
        super().__init__("spindle bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        chosen = threads() if argument == "all" else [find(argument, self.__doc__)]
        waits = Waits()
        backtraces = Backtraces()
        for thread in chosen:
            wanted = waits.of(thread)
            state = STATES[thread.state] + (" for " + wanted if wanted else "")
            try:
                frames = backtraces.of(thread)
            except (gdb.GdbError, gdb.MemoryError) as error:
                frames = "  %s\n" % error
            gdb.write("thread %d \"%s\" %s\n%s" % (thread.id, thread.name, state, frames))


class Enter(gdb.Command):
    """spindle enter ID: gdb's frame commands show that thread; its frames begin at number 1."""

    def __init__(self):
        super().__init__("spindle enter", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        enter(find(argument, self.__doc__))
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
