"""Commands of gdb for programs that use libdill.

    info coroutines            all bundles and coroutines, as a tree
    coroutine N COMMAND        runs a command of gdb in coroutine N, e.g. "coroutine 3 bt"
    coroutine apply all COMMAND

Load it with "source /usr/local/share/libdill/libdill-gdb.py", or from ~/.gdbinit. It works
with running programs and with core files, and needs no debug information of the
library. Nothing in the program is changed: a coroutine that does not run is shown by an
unwinder, not by loading its registers.

Coroutines are numbered in the order of the tree, like those in the output of dill_dump();
0 is what runs on the thread's own stack. Where several threads use the library, the number
of the scheduler stands in front, as in 2.3.
"""

import os
import re
import struct

import gdb
import gdb.unwinder

WORD = 8


class Machine:
    """A processor: its registers, as they lie where a coroutine has been left."""

    def __init__(self, pc, sp, left, skipped=0, self_saved=None):
        self.pc = pc
        self.sp = sp
        # The names from low to high addresses, from the stack pointer upwards, behind so
        # many words that gdb's frames have no use for.
        self.left = left
        self.skipped = skipped
        # Likewise where code compiled against libdill's header has saved them, or None
        # where the C library has, in a way of its own.
        self.self_saved = self_saved

    @staticmethod
    def selected():
        name = gdb.selected_inferior().architecture().name()
        try:
            return MACHINES[name]
        except KeyError:
            raise Missing("coroutines are not known on " + name)

    def place(self, frame):
        return (int(frame.read_register(self.pc)), int(frame.read_register(self.sp)))


MACHINES = {
    "i386:x86-64": Machine(
        "rip", "rsp", ("r15", "r14", "r13", "r12", "rbx", "rbp", "rip"),
        self_saved=("rbx", "rbp", "r12", "r13", "r14", "r15", "rsp", "rip")),
    "aarch64": Machine(
        # First there are d8 to d15.
        "pc", "sp", tuple("x%d" % n for n in range(19, 30)) + ("pc",), skipped=8),
}


class Missing(gdb.GdbError):
    """The program has no coroutines, or not in a way that can be seen."""


def address_of(symbol):
    """The address of a symbol, whose type may be unknown."""
    language = gdb.parameter("language")
    try:
        # The syntax below is C's, whatever the program stops in.
        gdb.execute("set language c", to_string=True)
        return int(gdb.parse_and_eval("(unsigned long)&" + symbol))
    except gdb.error:
        raise Missing("no symbol %s: does the program use libdill?" % symbol)
    finally:
        gdb.execute("set language " + language, to_string=True)


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def word(address):
    return struct.unpack("<Q", memory(address, WORD))[0]


def number(address):
    return struct.unpack("<i", memory(address, 4))[0]


def text(address, size=None):
    if address == 0:
        return "?"
    if size is None:
        return gdb.Value(address).cast(gdb.lookup_type("char").pointer()).string(errors="replace")
    return memory(address, size).decode("utf-8", "replace")


class Layout:
    """Where the fields of the library's structures are, as the library itself tells."""

    def __init__(self):
        self.fields = {}
        table = address_of("dill_debug_layout")
        while True:
            first, count = word(table), word(table + WORD)
            if count == 0:
                break
            for index in range(count):
                field = first + index * 2 * WORD
                self.fields[text(word(field))] = word(field + WORD)
            table += 2 * WORD

    def __getitem__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise Missing("this libdill is not the one that the script was made for: " + name)


def items(head, offset):
    """The objects in a list, which are linked at an offset."""
    link = word(head)
    seen = set()
    while link != head and link != 0 and link not in seen:
        seen.add(link)
        yield link - offset
        link = word(link)


class Coroutine:
    def __init__(self, scheduler, address, name):
        self.scheduler = scheduler
        self.address = address
        self.name = name

    def field(self, name):
        return self.address + self.scheduler.layout["coroutine." + name]

    def is_current(self):
        return word(self.scheduler.field("current")) == self.address

    def is_main(self):
        return self.address == self.scheduler.field("main")

    def state(self):
        layout = self.scheduler.layout
        if memory(self.field("blocked"), 1)[0] != layout["blocked.no"]:
            state = "blocked"
        else:
            state = "running" if self.is_current() else "ready"
        if memory(self.field("stop"), 1)[0] & layout["stop.cancelled"]:
            state += ", cancelled"
        return state

    def launched_at(self):
        if self.is_main():
            return "main"
        file = word(self.field("file"))
        if not file:
            return "(library)"
        line = number(self.field("line"))
        return "%s:%d" % (text(file), line) if line else text(file)

    def registers(self):
        """The registers with which it will go on."""
        layout = self.scheduler.layout
        machine = Machine.selected()
        place = word(self.field("stack_pointer"))
        if word(self.field("special")) & layout["special.self_saved"]:
            names, at = machine.self_saved, place
            if names is None:
                raise gdb.error("left by code that was compiled with libdill's own header")
        else:
            names, at = machine.left, place + machine.skipped * WORD
        values = struct.unpack("<%dQ" % len(names), memory(at, len(names) * WORD))
        registers = dict(zip(names, values))
        registers.setdefault(machine.sp, at + len(names) * WORD)
        return registers


class Scheduler:
    """What one thread has."""

    def __init__(self, layout, address):
        self.layout = layout
        self.address = address
        self.thread = number(self.field("thread"))

    def field(self, name):
        return self.address + self.layout["context." + name]

    def bundle_handles(self):
        """Addresses of all bundles with their handles, in the order of these."""
        table = self.field("handles")
        base = number(table + self.layout["handles.base"])
        first = word(table + self.layout["handles.first"])
        size = word(table + self.layout["handles.size"])
        step = self.layout["entry.size"]
        entries = memory(first, size * step) if size else b""
        names = {0: ""}
        found = {}
        for index in range(size):
            def entry(field):
                return struct.unpack_from("<Q", entries, index * step + self.layout[field])[0]
            kind = entry("entry.kind") & ~self.layout["entry.kind_bits"]
            if kind not in names:
                name = kind + self.layout["kind.name"]
                names[kind] = text(word(name), word(name + WORD))
            if names[kind] == "bundle":
                found[entry("entry.object")] = base + index
        return found

    def tree(self):
        """Yields (depth, handle or Coroutine) from the main coroutine downwards."""
        handles = self.bundle_handles()
        seen = set()
        count = 0
        # A list of what is still to come rather than a recursion: trees may be deep.
        coming = [(0, "coroutine", self.field("main"))]
        while coming:
            depth, kind, address = coming.pop()
            if kind == "coroutine":
                what = Coroutine(self, address, count)
                count += 1
                kind, head = "bundle", what.field("owned_bundles")
                link = self.layout["bundle.in_owner"]
            else:
                what = handles.get(address, "?")
                seen.add(address)
                kind, head = "coroutine", address + self.layout["bundle.members"]
                link = self.layout["coroutine.member"]
            yield depth, what
            coming += [(depth + 1, kind, one) for one in reversed(list(items(head, link)))]
            if not coming:
                # Bundles whose owners have ended.
                owner = self.layout["bundle.owner"]
                coming += [(1, "bundle", one) for one in reversed(list(handles))
                           if one not in seen and word(one + owner) == 0]

    def gdb_thread(self):
        for thread in gdb.selected_inferior().threads():
            if thread.ptid[1] == self.thread:
                return thread
        return None


def schedulers():
    layout = Layout()
    found = []
    # The list leads from a place within one scheduler to that within the next.
    place = word(address_of("dill_debug_contexts"))
    while place != 0:
        scheduler = Scheduler(layout, place - layout["context.place"])
        found.append(scheduler)
        place = word(scheduler.field("next"))
    if not found:
        raise Missing("no coroutines yet")
    # The oldest first.
    return found[::-1]


def identifier(all_schedulers, coroutine):
    if len(all_schedulers) == 1:
        return str(coroutine.name)
    return "%d.%d" % (all_schedulers.index(coroutine.scheduler) + 1, coroutine.name)


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class Parked(gdb.unwinder.Unwinder):
    """Has the innermost frame of the thread seem to be called by a coroutine's."""

    def __init__(self):
        super().__init__("libdill coroutine")
        self.coroutine = None
        self.place = None
        self.past_main = None

    def __call__(self, frame):
        if self.coroutine is None:
            return None
        here = Machine.selected().place(frame)
        if here != self.place:
            return None
        registers = self.coroutine.registers()
        # Beneath the coroutine's frames, as gdb wants callers to be above.
        info = frame.create_unwind_info(
            FrameId(gdb.Value(registers[Machine.selected().sp] - 2 * WORD), gdb.Value(here[0])))
        for name, value in registers.items():
            kind = frame.read_register(name).type
            info.add_saved_register(name, gdb.Value(value).cast(kind))
        return info

    def show(self, coroutine):
        """Begins with one coroutine, or ends it all."""
        self.coroutine = None
        if self.past_main is not None:
            gdb.execute("set backtrace past-main " + self.past_main, to_string=True)
            self.past_main = None
        gdb.invalidate_cached_frames()
        if coroutine is not None:
            # The innermost frame may be that of main().
            self.past_main = "on" if gdb.parameter("backtrace past-main") else "off"
            gdb.execute("set backtrace past-main on", to_string=True)
            frame = gdb.newest_frame()
            self.place = Machine.selected().place(frame)
            self.coroutine = coroutine
            gdb.invalidate_cached_frames()


UNWINDER = Parked()
gdb.unwinder.register_unwinder(None, UNWINDER, replace=True)


class Selected:
    """Within a "with", gdb's frames are those of a coroutine."""

    def __init__(self, coroutine):
        self.coroutine = coroutine
        self.is_parked = not coroutine.is_current()

    def __enter__(self):
        self.thread = gdb.selected_thread()
        self.frame = gdb.selected_frame().level() if self.thread else 0
        if not self.thread:
            raise gdb.GdbError("The program is not being run.")
        if self.is_parked:
            self.coroutine.registers()  # or an error
            UNWINDER.show(self.coroutine)
            frame = gdb.newest_frame().older()
            if frame is None:
                UNWINDER.show(None)
                raise gdb.GdbError("The coroutine's stack can't be read.")
            frame.select()
        else:
            thread = self.coroutine.scheduler.gdb_thread()
            if thread is None:
                raise gdb.GdbError("No thread has the number %d."
                                   % self.coroutine.scheduler.thread)
            thread.switch()
        return self

    def __exit__(self, *_):
        if self.is_parked:
            UNWINDER.show(None)
        self.thread.switch()
        frame = gdb.newest_frame()
        for _ in range(self.frame):
            frame = frame.older() or frame
        frame.select()

    def execute(self, command):
        if not self.is_parked or not re.match(r"(bt|backtrace|where)\b", command):
            gdb.execute(command)
            return
        # The first frame is the thread's, not the coroutine's.
        width = gdb.parameter("width")
        gdb.execute("set width 0", to_string=True)
        try:
            output = gdb.execute(command, to_string=True)
        finally:
            gdb.execute("set width %s" % (width or 0), to_string=True)
        for line in output.splitlines():
            start = re.match(r"#(\d+) *(.*)", line)
            if not start:
                gdb.write(line + "\n")
            elif start.group(1) != "0":
                gdb.write("#%-3d%s\n" % (int(start.group(1)) - 1, start.group(2)))


def is_users(symtab):
    """Neither the library's code nor the C library's."""
    file = os.path.basename(symtab.objfile.filename or "")
    system = ("libc.", "libc-", "ld-", "ld.", "libpthread")
    return not symtab.filename.endswith(".rs") and not file.startswith(system)


def place(coroutine):
    """Where in the user's code it is."""
    try:
        with Selected(coroutine):
            frame = gdb.selected_frame()
            function = None
            for _ in range(64):
                line = frame.find_sal()
                name = frame.name() or "?"
                if line.symtab and is_users(line.symtab):
                    call = " in " + function if function else ""
                    return "%s () at %s:%d%s" % (name, line.symtab.filename, line.line, call)
                if name.startswith("dill_"):
                    function = name
                if frame.older() is None:
                    break
                frame = frame.older()
            return gdb.selected_frame().name() or "?"
    except gdb.error as error:
        return "(%s)" % error


class InfoCoroutines(gdb.Command):
    """All bundles and coroutines of the program, as a tree.

Each coroutine has a number for "coroutine", its state, the place of its launch, and
where it is."""

    def __init__(self):
        super().__init__("info coroutines", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        all_schedulers = schedulers()
        for scheduler in all_schedulers:
            if len(all_schedulers) > 1:
                gdb.write("thread %d\n" % scheduler.thread)
            for depth, what in scheduler.tree():
                indentation = "  " * depth
                if not isinstance(what, Coroutine):
                    gdb.write("  %sbundle %s\n" % (indentation, what))
                    continue
                gdb.write("%s %s%s %s: %s, %s\n" % (
                    "*" if what.is_current() else " ", indentation,
                    identifier(all_schedulers, what), what.launched_at(), what.state(),
                    place(what)))


class CoroutineCommand(gdb.Command):
    """Runs a command of gdb in a coroutine: "coroutine N COMMAND".

"coroutine 3 bt" shows where the coroutine 3 of "info coroutines" is, "coroutine 3 info
locals" the variables of its innermost frame. "coroutine apply all COMMAND" does it for all of
them."""

    def __init__(self):
        super().__init__("coroutine", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        everybody = re.match(r"\s*apply\s+all\s+(.+)", argument)
        one = re.match(r"\s*(\d+(?:\.\d+)?)\s+(.+)", argument)
        if not everybody and not one:
            raise gdb.GdbError("Usage: coroutine N COMMAND, or coroutine apply all COMMAND")
        all_schedulers = schedulers()
        found = False
        for scheduler in all_schedulers:
            for _, what in list(scheduler.tree()):
                if not isinstance(what, Coroutine):
                    continue
                name = identifier(all_schedulers, what)
                if one and name != one.group(1):
                    continue
                found = True
                if everybody:
                    gdb.write("\nCoroutine %s (%s: %s):\n"
                              % (name, what.launched_at(), what.state()))
                try:
                    with Selected(what) as selected:
                        selected.execute((everybody or one).groups()[-1])
                except gdb.error as error:
                    if one:
                        raise
                    gdb.write("%s\n" % error)
        if not found:
            raise gdb.GdbError("There is no coroutine %s." % (one.group(1) if one else ""))


InfoCoroutines()
CoroutineCommand()
