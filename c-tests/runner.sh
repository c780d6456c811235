#!/bin/bash
# What is reported of tests that end in every way (runner/planted.c): the reason, where, and the end
# of the output; that the others run all the same; and what junit.xml has of it.
. "$(dirname "$0")/peers/build.sh"
unset DILL_POLLER DILL_TEST_WRAPPER DILL_TEST_RESULTS DILL_TEST_PROGRAM DILL_TEST_SETTINGS
export DILL_TEST_TIMEOUT=20

planted=c-tests/runner/planted.c
${CC:-gcc} -std=c99 -D_GNU_SOURCE -O2 -pthread -Wall -Wextra -Werror \
    -I"${DILL_INCLUDE_DIR:-include}" $planted "$(main_of $planted)" -o "$work/planted" \
    "${DILL_LIB_DIR:-target/release}/libdill.a" -ldl -lm || fail "planted.c does not compile"
gcc -O2 c-tests/runner/report.c -o "$work/report" || fail "report.c does not compile"

# line TEXT: where it stands in planted.c.
line() {
    grep -nF "$1" $planted | cut -d : -f 1
}

# results FILE: its lines without those of output.
results() {
    grep -v '^     |' "$1"
}

env -u DILL_TEST_RESULTS "$work/planted" > "$work/run.log" 2>&1 < /dev/null
same "exit status" $? 1
cat > "$work/expected" << END
ok   planted.passes
ok   planted.has_its_own_state
FAIL planted.fails: $planted:$(line 'CHECK_INT(2 * 2, 5)'): 2 * 2: expected 5, saw 4 (errno 0: Success)
FAIL planted.crashes: $planted:$(line 'TEST(crashes)'): killed by signal 11 (SIGSEGV, Segmentation fault)
FAIL planted.hangs: $planted:$(line 'TEST(hangs'): timeout: no end within 1 s of an idle machine (N s by the clock)
FAIL planted.leaves_in_silence: $planted:$(line 'TEST(leaves_in_silence)'): exit status 3
FAIL planted.leaves_with_success: $planted:$(line 'TEST(leaves_with_success)'): exit before the end of the test
FAIL planted.fails_afterwards: $planted:$(line 'CHECK_INT(state, 2)'): state: expected 2, saw 1 (errno 0: Success)
skip planted.is_skipped: not on this machine
FAIL planted.says_much: $planted:$(line 'said enough'): !"said enough" does not hold (errno 0: Success)
FAIL planted.fails_in_a_coroutine: $planted:$(line 'CHECK_ERR(msleep'): msleep(-1): expected -1 with errno 32, saw -1 with errno 125 (errno 125: Operation canceled)
ok   planted.leaves_a_process_behind
ok   planted.has_descriptors
ok   planted.has_variants/one
FAIL planted.has_variants/two: $planted:$(line 'CHECK_INT(variant()'): variant(): expected 0, saw 1 (errno 0: Success)
FAIL planted.knows_its_poller: $planted:$(line 'CHECK(poller'): poller != NULL does not hold (errno 0: Success)
FAIL planted.becomes_a_program: $planted:$(line 'TEST(becomes_a_program)'): exit status 41
5 passed, 11 failed, 1 skipped
END
sed -i 's/([0-9]* s by the clock)/(N s by the clock)/' "$work/run.log"
results "$work/run.log" | diff "$work/expected" - > "$work/diff.log" || fail "the reports differ"

# The end of what was said, and how much more there was.
sed -n '/planted.says_much/,/^FAIL planted.fails_in/p' "$work/run.log" | grep '^     |' > "$work/said"
same "the first line shown" "$(head -n 1 "$work/said")" '     | [9961 lines are left out]'
same "the second one" "$(sed -n 2p "$work/said")" '     | line 9962'
same "the last but one" "$(tail -n 2 "$work/said" | head -n 1)" '     | line 10000'
grep -qx '     | about to crash' "$work/run.log" || fail "what was said before the crash is lost"

# By name.
"$work/planted" 'has_*' passes > "$work/run.log" 2>&1
same "exit status of tests of which one fails" $? 1
same "tests by name" "$(tail -n 1 "$work/run.log")" '4 passed, 1 failed'
"$work/planted" has_variants/one > "$work/run.log" 2>&1
same "exit status of a test that passes" $? 0
same "a variant by name" "$(tail -n 1 "$work/run.log")" '1 passed, 0 failed'
"$work/planted" nothing_like_it > "$work/run.log" 2>&1
same "exit status of a name that isn't there" $? 2
same "--list" "$("$work/planted" --list 'fails*' | tr '\n' ' ')" 'fails fails_afterwards fails_in_a_coroutine '
"$work/planted" --no-fork passes > "$work/run.log" 2>&1 || fail "without a process of its own"
("$work/planted" --no-fork crashes; exit $?) > "$work/run.log" 2>&1
same "a crash without a process of its own" $? 139
"$work/planted" --both-pollers knows_its_poller > "$work/run.log" 2>&1
same "both pollers" "$(results "$work/run.log" | tail -n 2 | tr '\n' ' ')" \
    'ok   planted.knows_its_poller/io_uring 1 passed, 1 failed '

# What c-tests/run gets of it.
mkdir "$work/results"
DILL_TEST_RESULTS=$work/results DILL_TEST_PROGRAM=planted DILL_TEST_SETTINGS='gcc -O2' \
    "$work/planted" > "$work/run.log" 2>&1
same "results" "$(sort "$work/results/results" | uniq -c | tr -s ' \n' ' ')" ' 11 FAIL 5 ok 1 skip '
same "cases" "$(grep -c '^<testcase classname="planted \[gcc -O2\]" name="[a-z_/]*" time="[0-9.]*">' \
    "$work/results/cases.xml")" 17
grep -qF '&lt;&amp;&gt; &quot;quoted&quot; \x01 \xff ä ]]&gt;' "$work/results/cases.xml" ||
    fail "output in junit.xml"
grep -q '^ok ' "$work/run.log" && fail "a line for a test that has passed"
DILL_TEST_RESULTS=$work/results DILL_TEST_PROGRAM=planted DILL_TEST_SETTINGS='gcc -O2' \
    "$work/planted" passes has_its_own_state > "$work/run.log" 2>&1
same "one line for all" "$(cat "$work/run.log")" 'ok   planted [gcc -O2] 2 tests'

# What isn't a program of tests.
printf 'first\nlast <line>\nexit status 5' > "$work/output"
same "report" "$("$work/report" "$work/results" FAIL script '' 1.5 '' "$work/output" | tr '\n' ';')" \
    'FAIL script: last <line>;     | first;     | last <line>;     | exit status 5;'
same "its case" "$(tail -n 3 "$work/results/cases.xml" | tr '\n' ';')" \
    '<testcase classname="script" name="script" time="1.500"><failure message="last &lt;line&gt;">first;last &lt;line&gt;;exit status 5</failure></testcase>;'

# A whole file of them is XML.
if command -v python3 > /dev/null; then
    { echo '<testsuites>'; cat "$work/results/cases.xml"; echo '</testsuites>'; } > "$work/junit.xml"
    python3 -c 'import sys, xml.dom.minidom as xml
cases = xml.parse(sys.argv[1]).getElementsByTagName("testcase")
assert len(cases) == 20, len(cases)' "$work/junit.xml" > "$work/xml.log" 2>&1 || fail "no XML"
fi
