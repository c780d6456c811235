#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
A parent that gives 10 s:
  1.0 s  accept loop  stops, tells the load balancer, which takes 2 s
  5.0 s  5 s client   gets its answer
 11.0 s  main         nothing of the accept loop is left
 11.0 s  30 s client  is cut off
A parent that waits without limit:
  1.0 s  accept loop  stops, tells the load balancer, which takes 2 s
  5.0 s  5 s client   gets its answer
 30.0 s  30 s client  gets its answer
 30.0 s  main         nothing of the accept loop is left
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
