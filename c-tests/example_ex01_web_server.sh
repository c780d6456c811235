#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
 60.0 s  silent  is closed cleanly
 68.0 s  quick   gets its answer
 70.0 s  server  SIGTERM: accepts no more, gives open connections 10 s
 70.0 s  quick   is closed cleanly
 71.0 s  late    is refused
 74.0 s  slow    gets its answer
 74.0 s  slow    is closed cleanly
 80.0 s  server  had to cut connections
 80.0 s  stuck   is cut off
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
