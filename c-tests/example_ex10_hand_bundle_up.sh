#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
  1.0 s  ticker  tick
  2.0 s  ticker  tick
  2.5 s  main    Bad file descriptor
  3.0 s  ticker  tick
  3.5 s  main    10 s for the ticker
  3.5 s  ticker  asked to stop
  4.0 s  ticker  has put its things away
  4.0 s  main    it has ended by itself
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
