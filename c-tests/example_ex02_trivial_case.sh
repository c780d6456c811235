#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
A peer that leaves after 64 s:
 60.0 s  main    has had enough: 10 s
 64.0 s  worker  the peer has left
 64.0 s  main    the worker ended by itself
A peer that stays:
 60.0 s  main    has had enough: 10 s
 70.0 s  worker  hard-cancelled
 70.0 s  main    the worker had to be cut
 72.0 s  peer    finds the connection cut
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
