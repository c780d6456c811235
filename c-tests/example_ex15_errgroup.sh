#!/bin/sh
# Runs the example $1 in virtual time and compares what it prints.
set -u
actual=$(DILL_CLOCK=virtual "$1") || {
    echo "exit status $?, output:"
    printf '%s\n' "$actual"
    exit 1
}
expected=$(cat <<'EOF'
All pages are there:
  1.0 s  /        is here
  2.0 s  /about   is here
  3.0 s  /news    is here
  3.0 s  main     has all pages
One page isn't:
  1.0 s  /        is here
  2.0 s  /gone    No such file or directory
  2.0 s  /news    Operation canceled
  2.0 s  main     No such file or directory
EOF
)
[ "$actual" = "$expected" ] && exit 0
printf 'expected:\n%s\n\nactual:\n%s\n' "$expected" "$actual"
exit 1
