#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
  0.0 s  library is short of descriptors, and waits
  2.0 s  library has descriptors again
  2.0 s  2 s     gets its answer
  3.0 s  1 s     gets its answer
  5.0 s  main    gives everything 10 s
  5.0 s  library stops accepting
 15.0 s  main    nothing of the library is left
 15.0 s  30 s    is cut off
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
