#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
main gives 10 s, the worker 3 s:
  1.0 s  worker       gives its jobs 3 s
  1.0 s  aware job    asked to stop, needs 2 s for its checkpoint
  2.0 s  short job    done
  3.0 s  aware job    checkpoint written
  4.0 s  unaware job  hard-cancelled
  4.0 s  worker       had to cut jobs
  4.0 s  worker       has told its peer goodbye
  4.0 s  main         the worker ended by itself
main gives 1.5 s, the worker 3 s:
  1.0 s  worker       gives its jobs 3 s
  1.0 s  aware job    asked to stop, needs 2 s for its checkpoint
  2.0 s  short job    done
  2.5 s  aware job    hard-cancelled
  2.5 s  unaware job  hard-cancelled
  2.5 s  worker       hard-cancelled while it waited
  2.5 s  main         the worker had to be cut
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
