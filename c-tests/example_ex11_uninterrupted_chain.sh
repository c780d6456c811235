#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
  3.0 s  A  10 s for everybody
  3.0 s  C  asked to stop
  5.0 s  C  ends gracefully
  5.0 s  B  C has ended, so does B
  8.0 s  F  its 8 s of work are done
 13.0 s  D  hard-cancelled, takes E with it
 13.0 s  E  hard-cancelled; nobody has asked it
 13.0 s  A  the rest had to be cut
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
