#!/bin/sh
# Shows a graceful shutdown, and checks that it is one.
#
#     demo.sh SERVER [CLIENT]
#
# SERVER is the compiled graceful_server, CLIENT the compiled demo_client (looked for
# next to the server if not given). Requests are made with curl where there is one;
# otherwise, and with DEMO_NO_CURL=1, by CLIENT.
#
# What happens is printed as a timeline. The exit status is 0 if all of it is as it
# should be; otherwise the differences are printed and the exit status is 1.

set -u

server=${1:?usage: demo.sh SERVER [CLIENT]}
client=${2:-$(dirname "$server")/demo_client}
for program in "$server" "$client"; do
    [ -x "$program" ] || { echo "demo: no program $program" >&2; exit 2; }
done

grace=3           # seconds that running requests get
fits=1500         # ms that a request takes which fits into that
too_long=60000    # ms that one takes which doesn't
patience=30000    # ms to wait for anything before giving up

if [ -z "${DEMO_NO_CURL:-}" ] && command -v curl >/dev/null 2>&1; then
    tool=curl
else
    tool=demo_client
fi

dir=${TMPDIR:-/tmp}/graceful-demo.$$
(umask 077 && mkdir "$dir") || exit 2
started=
failures=0

cleanup() {
    for process in $started; do kill -KILL "$process" 2>/dev/null; done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# say WHO TEXT: a line of the timeline, and a note of it for the checks.
say() {
    ms=$(($("$client" now) - start))
    printf '%7d ms  %-8s %s\n' "$ms" "$1" "$2"
    printf '%d %s: %s\n' "$ms" "$1" "$2" >>"$dir/events"
}

# happened TEXT: true if the text is in the timeline.
happened() {
    grep -qF -- "$1" "$dir/events"
}

# when TEXT: the time of its first appearance there; -1 if there is none.
when() {
    ms=$(grep -F -- "$1" "$dir/events" | sed -n '1s/ .*//p')
    echo "${ms:--1}"
}

# await TEXT: waits until it is in the timeline.
await() {
    until happened "$1"; do
        if [ $(($("$client" now) - start)) -gt $patience ]; then
            echo "DEMO FAILED: waited in vain for \"$1\""
            exit 1
        fi
        "$client" pause 10
    done
}

# check TEXT CONDITION: the condition is one of `test`.
check() {
    text=$1
    shift
    if [ "$@" ]; then
        printf '        ok  %s\n' "$text"
    else
        printf '    FAILED  %s   [ %s ]\n' "$text" "$*"
        failures=$((failures + 1))
    fi
}

# get PATH...: makes requests on one connection and prints their status codes. Exit
# status as curl's: 7 connection refused, 52 no answer, 56 connection broken.
get() {
    if [ $tool = demo_client ]; then
        "$client" get "$port" "$@"
        return
    fi
    for path in "$@"; do
        set -- "$@" -o /dev/null "http://127.0.0.1:$port$path"
        shift
    done
    codes=$(curl -s --noproxy '*' --max-time 100 -w '%{http_code} ' "$@")
    result=$?
    echo "${codes% }"
    return $result
}

# request WHO PATH: makes a request, and says how it ends.
request() {
    say "$1" "asks for $2"
    answer=$(get "$2")
    case $? in
    0) say "$1" "got $answer" ;;
    7) say "$1" "was refused" ;;
    52 | 56) say "$1" "got no answer" ;;
    *) say "$1" "got something strange: $answer" ;;
    esac
}

# scenario DESCRIPTION SLOW...: one life of the server. Each SLOW is a request, as
# name=milliseconds, that is running when the server is asked to stop.
scenario() {
    echo "$1"
    shift
    : >"$dir/events"
    start=$("$client" now)

    rm -f "$dir/log"
    mkfifo "$dir/log" || exit 2
    "$client" log "$start" server "$dir/events" <"$dir/log" &
    logger=$!
    "$server" -p 0 -g $grace -v >"$dir/log" &
    pid=$!
    started="$logger $pid"
    await "listening on"
    port=$(sed -n 's/.*listening on .* port //p' "$dir/events")

    say fast "asks three times on one connection, with $tool"
    say fast "got $(get / / /)"

    { "$client" idle "$port" || echo "failed"; } |
        "$client" log "$start" idle "$dir/events" &
    clients=$!
    started="$started $clients"
    await "idle: answered 200"
    for slow in "$@"; do
        request "${slow%=*}" "/slow?ms=${slow#*=}" &
        clients="$clients $!"
    done
    started="$started $clients"
    for slow in "$@"; do await "request /slow?ms=${slow#*=}"; done

    say demo "sends SIGTERM"
    kill -TERM "$pid"
    await "server: stopping"
    request late /
    wait "$pid"
    status=$?
    wait "$logger"
    say demo "the server's exit status is $status"
    for process in $clients; do wait "$process"; done
    started=
    stop=$(when "sends SIGTERM")
    end=$(when "exit status")
}

# What must be so in any case.
check_common() {
    check "fast requests were answered" "$(when "fast: got 200 200 200")" -ge 0
    check "new connections were refused" "$(when "late: was refused")" -ge "$stop"
    closed=$(when "idle: closed by the server")
    answered=$(when "fits: got 200")
    check "the idle connection was closed ..." "$closed" -ge "$stop"
    check "... at once, not when others had finished" "$closed" -lt "$answered"
    check "the running request that fits was answered" "$answered" -ge "$stop"
    check "the idle connection was not counted as cut" -z "$(grep 'connection 2: cut' "$dir/events")"
}

scenario "One request fits into the grace period of $grace s, another one doesn't." \
    fits=$fits long=$too_long
check_common
check "the one that doesn't fit was cut ..." "$(when "long: got no answer")" -ge "$stop"
check "... when the grace period was over, not before" $((end - stop)) -ge $((grace * 1000))
check "... and not much later" $((end - stop)) -le $((grace * 1000 + 2000))
check "the exit status tells of it" "$status" -eq 3

echo
scenario "Everything fits." fits=$fits
check_common
check "the server did not wait for the grace period to end" $((end - stop)) -lt $((grace * 1000))
check "the exit status says that all is well" "$status" -eq 0

echo
if [ $failures -ne 0 ]; then
    echo "DEMO FAILED: $failures of the facts above are not as they should be."
    exit 1
fi
echo "All is as it should be."
