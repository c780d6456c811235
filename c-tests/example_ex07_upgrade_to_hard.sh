#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
  3.5 s  main          ^C: everybody gets 10 s
  3.5 s  web service   its accept loop has returned
  3.5 s  admin service its accept loop has returned
  3.6 s  user          is refused by both services
  7.0 s  web client    has what it wanted
 13.5 s  main          the rest had to be cut
 14.0 s  admin client  finds its connection cut
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
