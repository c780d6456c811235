#!/bin/bash
# A Rust program that depends on the crate. Nothing of the C library is built for it, and it runs.
# Neither is a second version of the crate in its way: both run coroutines on one thread.
# What Cargo needs has been downloaded by "make".
# time limit: 90

set -u
cd "$(dirname "$0")/.." || exit 2
root=$PWD
cargo=${CARGO:-cargo}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
export CARGO_TARGET_DIR=$work/target

fail() { echo "$1"; exit 1; }

# The same sources with another version number.
mkdir -p "$work/other" "$work/user/src/bin"
for each in build.rs src tests examples benches fuzz libdill capi-docs README.md; do
    ln -s "$root/$each" "$work/other/$each"
done
sed '0,/^version = /s/^version = .*/version = "0.0.9"/' Cargo.toml > "$work/other/Cargo.toml"

cp Cargo.lock "$work/user"
cp c-tests/install_crate/hello.rs "$work/user/src/main.rs"
cp c-tests/install_crate/two_versions.rs "$work/user/src/bin"
cat > "$work/user/Cargo.toml" << END
[package]
name = "user"
version = "0.1.0"
edition = "2024"

[dependencies]
redill = { path = "$root" }
other = { package = "redill", path = "$work/other", default-features = false }
END
cd "$work/user" || exit 2

"$cargo" tree --offline --edges normal,build > "$work/tree" 2> "$work/log" ||
    fail "cargo tree: $(cat "$work/log")"
grep -q ' redill v' "$work/tree" || fail "what does cargo tree say? $(cat "$work/tree")"
grep -wE 'capi-docs|cbindgen|libdill' "$work/tree" && fail "that is no business of users"
"$cargo" build --offline > "$work/log" 2>&1 || fail "$(tail -n 50 "$work/log")"
libraries=$(find "$work/target" -name 'lib*dill.so' -o -name 'lib*dill.a')
[ -z "$libraries" ] || fail "libraries for C were built: $libraries"

answer=$("$work/target/debug/user") || fail "the program fails: exit status $?"
[ "$answer" = 42 ] || fail "the answer is $answer"
"$work/target/debug/two_versions" || fail "two versions: exit status $?"

# gdb shows the coroutines of a program in Rust.
if command -v gdb > /dev/null; then
    gdb -nx -batch -ex "source $root/share/libdill-gdb.py" -ex "break user::reached" -ex run \
        -ex "info coroutines" "$work/target/debug/user" > "$work/log" 2>&1 < /dev/null
    grep -q '^ *1 src/main\.rs:[0-9]*: blocked' "$work/log" || fail "gdb knows of no coroutines: $(cat "$work/log")"
fi
