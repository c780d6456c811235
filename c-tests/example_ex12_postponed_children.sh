#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
  4.2 s  main   10 s for the cache
  4.2 s  cache  asked to stop; dirty pages: 4
  4.7 s  disk   has written page 1
  5.2 s  disk   has written page 2
  5.7 s  disk   has written page 3
  5.7 s  cache  has handed all over, passes the request on
  6.2 s  disk   has written page 4
  6.2 s  disk   asked to stop, closes its file
  6.2 s  cache  the disk has ended by itself
  6.2 s  main   it has ended by itself
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
