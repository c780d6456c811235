#!/bin/sh
# A program that is built with pkg-config, with the library shared and static.
# time limit: 60
. "$(dirname "$0")/install/prefix.sh"
command -v pkg-config > /dev/null || skip "pkg-config is not installed"

# link WHAT FLAGS...
link() {
    what=$1
    shift
    for cc in gcc clang; do
        command -v $cc > /dev/null || continue
        $cc "$@" -o "$work/prog" > "$work/$cc.log" 2>&1 || fail "$what: $cc has failed"
    done
}

install_make install PREFIX="$prefix"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
pkg-config --validate libdill || fail "the file is not valid"
pkg-config --atleast-version=25.0.5 libdill ||
    fail "$(pkg-config --modversion libdill) is no later than libdill's own version"

# The words must be split.
# shellcheck disable=SC2046
link shared "$work/prog.c" $(pkg-config --cflags --libs libdill)
runs "shared" "$prefix/lib" "$work/prog"
# shellcheck disable=SC2046
link static -static "$work/prog.c" $(pkg-config --static --cflags --libs libdill)
runs "static" "" "$work/prog"
# shellcheck disable=SC2046
link "only libdill static" "$work/prog.c" -Wl,-Bstatic \
    $(pkg-config --cflags --libs libdill) -Wl,-Bdynamic $(pkg-config --static --libs libdill |
        sed 's/-ldill//')
runs "only libdill static" "" "$work/prog"

# Elsewhere than where it was installed.
mv "$prefix" "$work/moved"
export PKG_CONFIG_PATH="$work/moved/lib/pkgconfig"
# shellcheck disable=SC2046
link moved "$work/prog.c" $(pkg-config --define-prefix --cflags --libs libdill)
runs "moved" "$work/moved/lib" "$work/prog"

# Directories of one's own choice.
install_make install PREFIX="$prefix" LIBDIR="$work/other/lib64" INCLUDEDIR="$prefix/include/dill"
export PKG_CONFIG_PATH="$work/other/lib64/pkgconfig"
# shellcheck disable=SC2046
link "own directories" "$work/prog.c" $(pkg-config --cflags --libs libdill)
runs "own directories" "$work/other/lib64" "$work/prog"
