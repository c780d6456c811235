#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
  0.0 s  peer   receives: hello
 10.0 s  peer   receives: keep-alive
 20.0 s  peer   receives: keep-alive
 25.0 s  peer   receives: still here
 35.0 s  peer   receives: keep-alive
 39.0 s  peer   receives: last words
 39.0 s  peer   receives: goodbye
 39.0 s  peer   the stream ends cleanly
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
