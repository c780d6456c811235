# In gdb, for steps.c: goes through it one instruction at a time, and has each backtrace end as
# it should: with those who call main(), or with the launch.
import gdb

ENDS = ("main", "_start", "launches")


def frames():
    names, frame = [], gdb.newest_frame()
    while frame is not None and len(names) < 50:
        names.append(frame.name() or "??")
        frame = frame.older()
    return names


for setting in ("pagination off", "debuginfod enabled off", "style enabled off"):
    gdb.execute("set " + setting)
gdb.execute("break begin")
gdb.execute("break end")
gdb.execute("run", to_string=True)
steps, in_switches, wrong = 0, 0, {}
while steps < 20000:
    gdb.execute("stepi", to_string=True)
    names = frames()
    if names[0] == "end":
        break
    steps += 1
    in_switches += "context_switch" in names[0] or "dill_launch" in names[0]
    if names[-1] not in ENDS:
        wrong.setdefault(names[0], (gdb.selected_frame().pc(), names))
print("steps: %d, in switches: %d, at the end: %s" % (steps, in_switches, names[0] == "end"))
for name, (pc, names) in wrong.items():
    print("wrong: %s at %#x: %s" % (name, pc, " < ".join(names)))
