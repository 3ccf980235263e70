#!/bin/sh
# The program kaya-sim from outside: exit codes, JSON, replay, tapes, scenario files.
set -u
sim=${KAYA_BIN:?}/kaya-sim
# shellcheck source=tests/scratch.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/scratch.sh"
cd "$work" || exit 1

# expect EXIT_CODE TEXT COMMAND...: it ends with that code, and what it prints holds the text.
expect() {
    code=$1
    text=$2
    shift 2
    output=$("$@" 2>&1)
    got=$?
    if [ "$got" -ne "$code" ]; then
        fail "exit code $got instead of $code: $*: $output"
    elif ! printf '%s\n' "$output" | grep -qF -e "$text"; then
        fail "no '$text' in what this printed: $*: $output"
    fi
}

# Usage.
expect 2 'Usage: kaya-sim COMMAND' "$sim"
expect 0 'Usage: kaya-sim COMMAND' "$sim" --help
expect 0 "kaya-sim $(sed -n 's/.*KAYA_VERSION "\(.*\)"/\1/p' "${KAYA_SOURCE:?}/tools/version.h")" "$sim" --version
expect 2 "no command 'fly'" "$sim" fly
for command in list run replay shrink explore; do
    expect 0 "Usage: kaya-sim $command" "$sim" $command --help
done
expect 2 'whole number' "$sim" run power-loss --seeds none
expect 2 'whole number' "$sim" run power-loss --jobs 0
expect 2 "no scenario 'no-such'" "$sim" run no-such
[ -z "$("$sim" run no-such 2>/dev/null)" ] || fail "a table is begun for a scenario that is none"
expect 2 'no-such.yaml' "$sim" run ./no-such.yaml
expect 2 'neither a replay line nor a file' "$sim" replay nonsense
expect 2 'which run?' "$sim" replay
expect 2 'is for runs' "$sim" replay 'explore small: call 41 power_loss 0=1' --save x.tape
expect 2 'are for runs' "$sim" shrink 'explore small: call 41 power_loss 0=1' --runs 3
expect 2 'no row of a table' "$sim" necessity --check "$0"
expect 2 "no scenario 'no-such'" "$sim" list no-such
expect 0 'power-loss' "$sim" list power-loss
[ "$("$sim" list power-loss bit-rot --json | wc -l)" -eq 2 ] || fail "not one object for each that was named"

# Where the short tape cannot be written that is said before the work is done.
bug=${KAYA_BUILD:?}/tests/bugs/kaya-sim-A1-acknowledged-before-its-sync
if [ -x "$bug" ]; then
    broken=$("$bug" run power-loss --seeds 20 | sed -n "s/.*replay '\(power-loss seed=[^']*\)'.*/\1/p" | head -1)
    expect 2 'no/such/short.tape: No such file or directory' timeout 20 "$bug" shrink "$broken" --time 600 --save no/such/short.tape
    expect 1 'replay: kaya-sim replay short.tape' "$bug" shrink "$broken" --time 5 --save short.tape
fi

# The scenarios come along, wherever the program is run from.
for name in power-loss process-crash-then-power-loss crash-in-recovery stale-tail trim-and-recycle \
    lost-directory-entries atomic-batches big-records relaxed-and-strict bit-rot stale-and-zeroed-sectors anything-goes everything; do
    expect 0 "$name" "$sim" list
    expect 0 '"violation_count":0' "$sim" run $name --seeds 8 --jobs 2 --json
done

# JSON: one object a line, digests as hex strings, the same for any number of jobs.
"$sim" run power-loss atomic-batches --seeds 12 --jobs 1 --json >one.json || fail "a violation in 12 seeds"
"$sim" run power-loss atomic-batches --seeds 12 --jobs 2 --json >two.json || fail "a violation in 12 seeds"
[ "$(wc -l <one.json)" -eq 2 ] || fail "not one object a scenario"
for key in scenario runs crashes recoveries appended acknowledged recovered faults promises violations digest seconds \
    crash_cycles_per_second; do
    [ "$(grep -c "\"$key\":" one.json)" -eq 2 ] || fail "no key $key"
done
digests() { grep -o '"digest":"0x[0-9a-f]\{16\}"' "$1"; }
[ "$(digests one.json | wc -l)" -eq 2 ] || fail "digests are no hex strings"
[ "$(digests one.json)" = "$(digests two.json)" ] || fail "the digest hangs on --jobs"

# Too few runs for a fault to strike are a note; enough of them are an error.
cat >calm.yaml <<'YAML'
story: |
  Nothing is ever unsynced, so no sector can be lost.
name: calm
seeds: 20
expect_struck_within: 20
faults: [eviction]
crash: {endings: {close: 1}}
workload: {append_strict: 1}
YAML
expect 4 'did not strike within 20 runs: eviction' "$sim" run calm.yaml
expect 0 'a note only' "$sim" run calm.yaml --seeds 19
sed 's/append_strict/append_strictly/' calm.yaml >wrong.yaml
expect 2 'wrong.yaml:8: workload.append_strictly: there is no such key; allowed: the keys append_strict' "$sim" run wrong.yaml

expect 2 "'calm.yaml seed=1' names one" "$sim" replay calm.yaml
expect 0 'all promises held' "$sim" replay calm.yaml seed=1

# What is no tape is not written over.
echo 'Dear Ada' >letter
expect 2 'letter: byte 0: no tape begins so, expected "kaya tape"' "$sim" replay power-loss seed=7 --save letter
[ ! -x "$bug" ] || expect 2 'letter: byte 0: no tape begins so' timeout 20 "$bug" shrink "$broken" --time 600 --save letter
[ "$(cat letter)" = 'Dear Ada' ] || fail 'a letter was written over'
expect 2 'no/such: No such file' "$sim" replay power-loss seed=7 --save no/such
: >nothing
expect 0 'reproduced, event for event' "$sim" replay power-loss seed=7 --save nothing
expect 0 'reproduced, event for event' "$sim" replay power-loss seed=7 --save nothing

# Replay: a seed, its full line, a line that is wrong in its digest, a tape.
expect 0 'all promises held' "$sim" replay power-loss seed=7
expect 0 '  operation ' "$sim" replay power-loss seed=7 --trace
expect 0 '"verdict":"reproduced"' "$sim" replay power-loss seed=7 --json
expect 0 'reproduced, event for event' "$sim" replay power-loss seed=7 --save seven.tape
line=$(sed -n 's/^# replay //p' seven.tape)
expect 0 'reproduced, event for event' "$sim" replay "$line"
expect 0 'reproduced: digest' "$sim" replay seven.tape
expect 0 'the first event that differs is one of' "$sim" replay \
    "$(echo "$line" | sed 's/digest=0x..../digest=0x0bad/; s/marks=......../marks=00000000/')"
sed 's/^workload operation \([0-9]*\) .*/workload operations \1 0/' seven.tape >bent.tape
expect 0 'the tape no longer fits' "$sim" replay bent.tape
expect 0 '"misfit":"decision' "$sim" replay bent.tape --json
expect 0 'nothing to shrink' "$sim" shrink power-loss seed=7
expect 0 '{"promise":"","what":"all promises held' "$sim" shrink power-loss seed=7 --json
expect 2 "'no_such_fault' is none" "$sim" run power-loss --without lost_sector,no_such_fault
expect 0 '"faults":{"lost_create"' "$sim" run failed-sync --seeds 20 --without old_version --json --without lost_sector
expect 0 'nothing to shrink' "$sim" shrink seven.tape
expect 2 'neither a replay line nor a file' "$sim" shrink nonsense

# Without its sync an acknowledged record is lost; a call that nobody makes is none.
expect 0 'missed by nobody' "$sim" necessity 'append: sync of a segment with frames'
expect 1 'broken: P' "$sim" necessity 'append: sync of a segment with frames' --run 'atomic-batches seed=2'
expect 0 'all promises held' "$sim" necessity 'append: nothing' --run 'atomic-batches seed=0'
expect 2 'wants the call' "$sim" necessity --run 'atomic-batches seed=0'
expect 2 'no scenario makes the call' "$sim" necessity 'append: nothing'

# An input of the fuzzer, as it is: a byte for the scenario, then decisions.
printf '\003a run of answers from a fuzzer, more or less' >input
expect 0 'played: digest' "$sim" replay input
expect 0 'played: digest' "$sim" replay input --save input.tape
expect 0 'reproduced: digest' "$sim" replay input.tape
: >empty
expect 2 'neither a tape nor an input' "$sim" replay empty

# What the fuzzer has found so far, and what that saves: the run ends where the input does, and so does its tape.
for found in "${KAYA_SOURCE:?}"/fuzz/corpus/run/[0-3]*; do
    expect 0 'played: digest' "$sim" replay "$found" --save found.tape
    expect 0 'reproduced: digest' "$sim" replay found.tape
done

expect 0 '0 violations' "$sim" explore small --states 2000
expect 0 'states, exhaustive' "$sim" explore short --depth 1
expect 0 'sampled at' "$sim" explore padded --outcomes 20
expect 0 'states, exhaustive' "$sim" explore power-loss --operations 2
expect 0 '"errors":true' "$sim" explore short --depth 1 --errors --states 2000 --json
expect 0 'all promises held at the end of this path' "$sim" replay 'explore small: call 41 power_loss 0=1'
expect 2 'no such call, or no such outcome' "$sim" replay 'explore small: call 41 power_loss 0=9999'
expect 2 'is no line of the explorer' "$sim" replay 'explore small call 41 power_loss'
expect 2 'is no path' "$sim" replay 'explore small: call 41 fire'
expect 2 'no scenario' "$sim" explore huge
expect 2 'no rule' "$sim" explore short --without sense
expect 2 'without a budget' "$sim" explore anything-goes

[ "$failures" -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
