#!/bin/sh
# make install, a program with plain "cc prog.c -ldill", make uninstall.
# time limit: 60
. "$(dirname "$0")/install/prefix.sh"

# What a package would have.
install_make install DESTDIR="$work/stage" PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu
[ -d "$work/stage/usr/include" ] && [ "$(ls "$work/stage")" = usr ] ||
    fail "DESTDIR is not heeded"
same "the package's pkg-config file" \
    "$(sed -n '/dir=/p; /prefix=/p' "$work/stage/usr/lib/x86_64-linux-gnu/pkgconfig/libdill.pc")" \
    'prefix=/usr
exec_prefix=${prefix}
libdir=${prefix}/lib/x86_64-linux-gnu
includedir=${prefix}/include'
if grep -rqF "$work" "$work/stage/usr" --include='*.pc' --include='*.cmake'; then
    fail "DESTDIR is in a file"
fi

# What is there.
install_make install PREFIX="$prefix"
lib=$prefix/lib
so=$(readlink -f "$lib/libdill.so")
version=$(basename "$so" | sed 's/libdill\.so\.//')
same "the files" "$(cd "$prefix" && find . ! -type d ! -path '*/man/*' ! -name '*-gdb.py' | LC_ALL=C sort)" \
    "./include/libdill.h
./include/libdillimpl.h
./lib/cmake/libdill/libdillConfig.cmake
./lib/cmake/libdill/libdillConfigVersion.cmake
./lib/libdill.a
./lib/libdill.so
./lib/libdill.so.20
./lib/libdill.so.$version
./lib/pkgconfig/libdill.pc"
same "libdill.so" "$(readlink "$lib/libdill.so")" libdill.so.20
same "libdill.so.20" "$(readlink "$lib/libdill.so.20")" "libdill.so.$version"
same "executable files" "$(find "$prefix" -type f -perm /111)" "$so"
same "files that not everybody can read" "$(find "$prefix" -type f ! -perm -444)" ""

# The manual: every page that was made, and one for each name.
release=${DILL_LIB_DIR:-target/release}
for page in "$release"/man/man?/*; do
    cmp -s "$page" "$prefix/share/man/${page#"$release"/man/}" || fail "$page is not installed"
done
names='chrecv dill_chrecv go dill_go chclause dill_chclause CHSEND coroutine tcp_storage
    DILL_INHERIT dill_dump'
if command -v man > /dev/null; then
    for name in $names; do
        page=$(man -M "$prefix/share/man" -w 3 "$name" 2>&1) || fail "man 3 $name: $page"
        grep -q "${name#dill_}" "$page" || fail "man 3 $name does not show $name"
    done
    page=$(man -M "$prefix/share/man" -w 3 dump 2>&1) && fail "$page is of no function"
    man -M "$prefix/share/man" -w 7 dill_graceful > /dev/null || fail "man 7 dill_graceful"
fi
if command -v mandoc > /dev/null; then
    find "$prefix/share/man" -type f -exec mandoc -T lint -W warning {} + > "$work/mandoc.log" 2>&1 ||
        fail "mandoc complains about an installed page"
fi

# The debugger has what it needs.
for section in .symtab .debug_info .debug_line .eh_frame; do
    readelf -S -W "$so" | grep -qF " $section " || fail "the library has no $section"
done
for installed in "share/libdill/libdill-gdb.py" \
        "share/gdb/auto-load$lib/libdill.so.$version-gdb.py"; do
    cmp -s share/libdill-gdb.py "$prefix/$installed" || fail "$installed is not installed"
done

# ldconfig prefers it to libdill's own, 20.5.0.
if ldconfig=$(PATH=$PATH:/sbin:/usr/sbin command -v ldconfig); then
    mkdir "$work/both"
    for each in 20.5.0 "$version"; do cp "$so" "$work/both/libdill.so.$each"; done
    "$ldconfig" -n "$work/both" > "$work/ldconfig.log" 2>&1 || fail "ldconfig has failed"
    same "ldconfig's choice" "$(readlink "$work/both/libdill.so.20")" "libdill.so.$version"
fi

# The program: the library is shared unless one asks for the other.
C_INCLUDE_PATH=$prefix/include CPLUS_INCLUDE_PATH=$prefix/include LIBRARY_PATH=$lib
export C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH
for cc in gcc clang g++ clang++; do
    command -v $cc > /dev/null || continue
    case $cc in *++) language="-x c++" ;; *) language="-x c" ;; esac
    # shellcheck disable=SC2086
    $cc $language "$work/prog.c" -ldill -o "$work/prog" > "$work/$cc.log" 2>&1 ||
        fail "$cc prog.c -ldill has failed"
    runs "$cc prog.c -ldill" "$lib" "$work/prog"
done

# gdb loads its commands with the library.
if command -v gdb > /dev/null; then
    gcc "$work/prog.c" -ldill -o "$work/prog" || fail "gcc has failed"
    LD_LIBRARY_PATH=$lib gdb -nx -batch -iex "add-auto-load-safe-path $prefix" \
        -iex "add-auto-load-scripts-directory $prefix/share/gdb/auto-load" \
        -ex "set breakpoint pending on" -ex "break dill_chrecv" -ex run -ex "info coroutines" "$work/prog" \
        > "$work/gdb.log" 2>&1 < /dev/null
    grep -q 'prog\.c:' "$work/gdb.log" || fail "gdb does not know of coroutines"
fi

# A second installation over the first, and nothing is left of both.
install_make install PREFIX="$prefix"
install_make uninstall PREFIX="$prefix"
same "what is left" "$(find "$prefix" ! -type d)" ""
same "directories left" "$(cd "$prefix" && find . -type d -empty | LC_ALL=C sort)" "./include
./lib/cmake
./lib/pkgconfig
./share/man/man3
./share/man/man7"
install_make uninstall PREFIX="$prefix"

# Nothing to install is an error, and nothing is built instead.
if make CARGO=false RELEASE="$work/nowhere" PREFIX="$prefix" install > "$work/make.log" 2>&1; then
    fail "make install without a library has succeeded"
fi
grep -q "run 'make' first" "$work/make.log" || fail "make install doesn't say what to do"
