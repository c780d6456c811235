# To be sourced by c-tests/run: builds what has changed.

# fresh FILE COMMAND [DEPENDENCY...]: was the file made by this command, from what is there now?
fresh() {
    local file=$1 command=$2 dependency
    shift 2
    [ -e "$file" ] && [ "$(cat "$file.command" 2> /dev/null)" = "$command" ] || return 1
    for dependency; do
        [ ! "$dependency" -nt "$file" ] && [ -e "$dependency" ] || return 1
    done
}

# dependencies FILE: what the compiler has written there.
dependencies() {
    [ ! -e "$1" ] || sed 's/^[^:]*://; s/\\$//' "$1"
}

# make_fresh FILE LOG COMMAND [DEPENDENCY...]: has the command make the file unless it is fresh.
make_fresh() {
    local file=$1 log=$2 command=$3
    shift 3
    fresh "$file" "$command" "$@" && return
    rm -f "$file.command"
    $command > "$log" 2>&1 && echo "$command" > "$file.command"
}

# make_or_end FILE COMMAND [DEPENDENCY...]
make_or_end() {
    local file=$1 command=$2
    shift 2
    make_fresh "$file" "$build/make.log" "$command" "$@" || { cat "$build/make.log"; exit 2; }
}
