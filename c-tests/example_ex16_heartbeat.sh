#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
A peer that is alive, and a request after 40 s:
  5.0 s  server receives: hello
 15.0 s  server sends a heartbeat
 25.0 s  server sends a heartbeat
 35.0 s  server sends a heartbeat
 40.0 s  server says goodbye
 40.0 s  peer   is told goodbye
A peer that dies after 30 s:
  5.0 s  server receives: hello
 15.0 s  server sends a heartbeat
 25.0 s  server sends a heartbeat
 35.0 s  server sends a heartbeat
 45.0 s  server sends a heartbeat
 55.0 s  server sends a heartbeat
 65.0 s  server gives the peer up
 65.0 s  peer   finds its connection cut
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
