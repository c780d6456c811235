#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
  2.0 s  main      a worker has failed; the report takes 3 s
  5.0 s  main      and here is its replacement
  5.0 s  main      ^C: 10 s for everybody
  5.0 s  worker 1  asked to stop
  5.0 s  worker 2  asked to stop
  6.0 s  worker 1  has finished
  6.0 s  worker 2  has finished
  6.0 s  main      all ended by themselves
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
