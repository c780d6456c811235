#!/bin/bash
# docs/tutorial.md: its programs compile without a warning, and its terminal sessions
# show what they say.
# time limit: 60
. "$(dirname "$0")/peers/build.sh"

lib=$(realpath "${DILL_LIB_DIR:-target/release}") include=$(realpath "${DILL_INCLUDE_DIR:-include}")
tutorial=$(realpath docs/tutorial.md)
cd "$work" || exit 2

# The port of the text may be taken.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { echo $port; return; }
    done
}

# Blocks of C go to the files that they name, those of the terminal to session-N.
sed "s/5555/$(free_port)/g" "$tutorial" | awk '
    /^```c / { file = $2; programs++; next }
    /^```console$/ { file = "session-" ++sessions; next }
    /^```/ { file = ""; next }
    file { print > file }
    END { print programs, sessions }' > counts
read -r programs sessions < counts
[ "$programs" -ge 8 ] && [ "$sessions" -ge 8 ] || fail "the tutorial has $programs programs, $sessions sessions"

# A session becomes a script. A server is given the time to say its first line.
cat > prelude << END
cc() {
    \$compiler "\$1" -O2 -Wall -Wextra -Wpedantic -Werror -I$include $lib/libdill.a \
        -pthread -ldl -lm "\${@:3}"
}
await() {
    until [ "\$(wc -l < seen)" -gt "\$1" ]; do sleep 0.02; done
}
END

for compiler in gcc clang; do
    command -v $compiler > /dev/null || continue
    export compiler
    for((n = 1; n <= sessions; ++n)); do
        awk '
            BEGIN { while((getline < "prelude") > 0) print }
            !/^\$ / { next }
            { sub(/^\$ /, ""); print "echo " quoted($0) }
            /&$/ { print "lines=$(wc -l < seen)"; print "stdbuf -oL " $0; print "await $lines"; next }
            { print }
            END { print "exec > /dev/null 2>&1; kill $(jobs -p); wait" }
            function quoted(text) { gsub(/\047/, "\047\\\047\047", text); return "\047$ " text "\047" }
        ' "session-$n" > script
        bash script < /dev/null > seen 2>&1
        if ! diff "session-$n" seen > differences; then
            cp differences "differences-$n.log"
            fail "step with $(sed -n '1s/^\$ //p' "session-$n") [$compiler]: < is the tutorial's, > is what was seen"
        fi
    done
done
