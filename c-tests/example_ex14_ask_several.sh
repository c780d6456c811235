#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
  1.0 s  main   asks all of them, and gives them 10 s
  2.0 s  late   has finished
  4.0 s  web    has finished
  9.0 s  mail   has finished
 11.0 s  backup is cut
 11.0 s  main   all have ended
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
