#!/bin/bash
# The library's code outlives dlclose(): of the shared library, and of a plugin that contains the
# static one. Threads that have used it end in order afterwards, and the program's handlers are
# called. A static program, which has no dynamic loader, is linked without a word about it.
# time limit: 60

set -u
cd "$(dirname "$0")/.." || exit 2
lib=$(realpath "${DILL_LIB_DIR:-target/release}")
static=$lib/libdill.a
# Without debug information, where c-tests/run has made one.
[ -e "${DILL_TEST_BUILD-}/libdill.a" ] && static=$DILL_TEST_BUILD/libdill.a
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
flags="-O2 -Wall -Wextra -Werror -pthread -I${DILL_INCLUDE_DIR:-include}"

# shellcheck disable=SC2086
gcc $flags c-tests/unload/program.c -o "$dir/program" -ldl || exit 1
# shellcheck disable=SC2086
gcc $flags -fPIC -shared c-tests/unload/plugin.c "$static" -o "$dir/plugin.so" \
    -lpthread -ldl -lm || exit 1

# As it was opened, which may be relative to a directory that is not the current one any more.
failed=0
check() {
    "$dir/program" "$1" "$2"
    local status=$?
    [ $status -eq 33 ] || { echo "$1 ($2): exit status $status"; failed=1; }
}
check "$dir/plugin.so" plugin
check "$lib/libdill.so" library
(cd "$dir" && ./program ./plugin.so plugin)
[ $? -eq 33 ] || { echo "./plugin.so: exit status"; failed=1; }

cat > "$dir/static.c" << 'END'
#include <libdill.h>
int main(void) {
    return yield() == 0 && msleep(now() + 1) == 0 ? 0 : 1;
}
END
for kind in -static -static-pie; do
    # shellcheck disable=SC2086
    gcc $flags $kind "$dir/static.c" "$static" -o "$dir/static" -lpthread -ldl -lm \
        2> "$dir/log" || { cat "$dir/log"; failed=1; continue; }
    grep -E 'dlopen|dladdr' "$dir/log" && failed=1
    "$dir/static" || { echo "$kind: exit status $?"; failed=1; }
done
exit $failed
