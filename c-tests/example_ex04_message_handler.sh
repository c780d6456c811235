#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
A peer that answers CLOSE after 2 s:
  0.0 s  peer     receives: first
  0.0 s  peer     receives: second
  0.0 s  peer     receives: third
  1.0 s  handler  out of its loop, says CLOSE
  3.0 s  handler  still receives: one more thing
  3.0 s  handler  the peer has said CLOSE, too
  3.0 s  main     the handler ended by itself
A peer that answers CLOSE after 20 s:
  0.0 s  peer     receives: first
  0.0 s  peer     receives: second
  0.0 s  peer     receives: third
  1.0 s  handler  out of its loop, says CLOSE
 11.0 s  handler  no handshake: Operation canceled
 11.0 s  main     the handler had to be cut
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
