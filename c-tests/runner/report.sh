# To be sourced by c-tests/run: how tests are run and reported.

# report RESULT NAME SETTINGS SECONDS [FILE [REASON]]: one line, and after a failure the end of the
# file's text, in one piece. The reason is the text's last line unless it is given.
report() {
    {
        flock 9
        "$build/report" "$build" "$1" "$2" "$3" "$4" "${6-}" ${5:+"$5"}
    } 9>> "$build/lock"
}

# has_passed NAME [SETTINGS]: notes what need not run again.
has_passed() {
    [ -z "${DILL_TEST_PASSED-}" ] || echo "$1${2:+ [$2]}" >> "$DILL_TEST_PASSED"
}

# passed_before NAME [SETTINGS]
passed_before() {
    [ -n "${DILL_TEST_PASSED-}" ] &&
        grep -qxF "$1${2:+ [$2]}" "$DILL_TEST_PASSED" 2> /dev/null
}

# check_log NAME SETTINGS SECONDS LOG: what has written nothing to its log has passed.
check_log() {
    if [ -s "$4" ]; then report FAIL "$1" "$2" "$3" "$4"
    else report ok "$1" "$2" "$3" && has_passed "$1" "$2"; fi
}

# said FILE WHAT: what a comment in the first lines says behind it and a colon.
said() {
    sed -n "1,15s|^[/ *#]*$2: *||p" "$1" | sed 's| *\*/.*||' | head -n 1
}

# limit FILE: the seconds of an idle machine that the file asks for.
limit() {
    local seconds
    seconds=$(said "$1" 'time limit')
    echo $((${seconds:-20} * DILL_TEST_TIMEOUT / 20))
}

# seconds_since START: START is what EPOCHREALTIME was.
seconds_since() {
    awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }'
}

# run_limited SECONDS NAME SETTINGS LOG COMMAND...: runs with the time limit and reports.
run_limited() {
    local seconds=$1 name=$2 settings=$3 log=$4 start=$EPOCHREALTIME status
    shift 4
    "$build/limit" "$seconds" "$@" > "$log" 2>&1 < /dev/null
    status=$?
    seconds=$(seconds_since "$start")
    case $status in
        0) report ok "$name" "$settings" "$seconds" "$log"; return 0 ;;
        77) case ${CI:-}$name in
                truepeer_* | trueexample* | trueinstall* | truedebug_* | truereliability_*)
                    report FAIL "$name" "$settings" "$seconds" "$log" \
                        "nothing may be skipped where CI is true"
                    return 1 ;;
            esac
            report skip "$name" "$settings" "$seconds" "$log" \
                "$(head -n 1 "$log" | sed 's/^skip: //')"
            return 77 ;;
    esac
    report FAIL "$name" "$settings" "$seconds" "$log"
    return 1
}

# run_tests NAME SETTINGS LOG EXECUTABLE [POLLERS]: runs a program of tests, which reports them.
run_tests() {
    local name=$1 settings=$2 log=$3 status pattern all='' names=() patterns=()
    # The tests that are wanted, if not the whole program.
    read -ra names <<< "${DILL_TEST_NAMES-}"
    for pattern in ${names[@]+"${names[@]}"}; do
        case $pattern in
            *.*) case $name in ${pattern%%.*}) patterns+=("${pattern#*.}") ;; esac ;;
            *) case $name in $pattern) all=yes ;; esac ;;
        esac
    done
    [ -z "$all" ] || patterns=()
    # shellcheck disable=SC2086
    DILL_TEST_RESULTS=$build DILL_TEST_PROGRAM=$name DILL_TEST_SETTINGS=$settings \
        ${DILL_TEST_WRAPPER-} "$4" ${5-} ${patterns[@]+"${patterns[@]}"} > "$log" 2>&1 < /dev/null
    status=$?
    {
        flock 9
        # What else there is comes from a wrapper, such as Valgrind.
        if [ $status -eq 0 ]; then grep -E '^(ok|skip) ' "$log"; else cat "$log"; fi
    } 9>> "$build/lock"
    # It has ended in a way that isn't one of its tests'.
    if [ $status -gt 1 ] || { [ $status -eq 1 ] && ! grep -q '^FAIL ' "$log"; }; then
        report FAIL "$name" "$settings" 0 "$log" "exit status $status"
    fi
    if [ $status -eq 0 ] && [ ${#patterns[@]} -eq 0 ] && ! grep -q '^skip ' "$log"; then
        has_passed "$name" "$settings"
    fi
    return $status
}
