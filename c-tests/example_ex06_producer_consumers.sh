#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
  2.2 s  producer  asked to stop; items so far: 18
  2.2 s  peer      sees the end of the stream; items sent: 22
  3.0 s  producer  the peer has stopped, too; items: 22
  5.2 s  consumer2 the end; items: 7
  5.3 s  consumer3 the end; items: 7
  5.8 s  consumer1 the end; items: 8
  5.8 s  main      bundle_cancel returned 0
Nothing is lost.
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
