#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
A request after 3 s, all the time in the world:
  3.0 s  third   interrupted at its stopping point
  3.0 s  third   its scope has fired: request
103.0 s  third   100 s of shielded work are done
103.0 s  third   its scope has not fired
103.0 s  second  interrupted after the shield
103.0 s  second  its scope has not fired
103.0 s  first   its scope has fired: request
104.0 s  first   works again, cleans up, 1 s
104.0 s  main    ended by itself
A request after 3 s, and 30 s to comply:
  3.0 s  third   interrupted at its stopping point
  3.0 s  third   its scope has fired: request
 33.0 s  third   interrupted in its shielded work
 33.0 s  third   its scope has not fired
 33.0 s  second  interrupted after the shield
 33.0 s  second  its scope has not fired
 33.0 s  first   its scope has fired: request
 33.0 s  first   hard-cancelled: nothing works any more
 33.0 s  main    had to be cut
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
