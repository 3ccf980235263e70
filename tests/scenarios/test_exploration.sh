#!/bin/sh
# Explorations of the log: no rule loses a recovery or a violation, also of logs with a bug; no total hangs on the number of processes; a
# stopped exploration goes on where it was; errors, scenarios and schedules of threads are explored; each violation replays from its line.
set -eu
sim=$KAYA_BIN/kaya-sim
bugs=$KAYA_BUILD/tests/bugs/kaya-sim-
# shellcheck source=tests/scratch.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/scratch.sh"

value() { # KEY: of the JSON object in $report
    printf '%s' "$report" | sed -n "s/.*\"$1\": *\"\{0,1\}\([0-9a-zA-Z]*\).*/\1/p"
}
explore() { # PROGRAM OPTION...
    program=$1
    shift
    report=$("$program" explore "$@" --json) || [ $? -eq 1 ]
}
same() { # WHAT ONE OTHER
    [ "$2" = "$3" ] && return
    fail "$1: $2 and $3"
}
verdict() { echo "$(value distinct) recoveries, exhaustive $(value exhaustive), promise $(value promise)"; }

# Rules: each alone, and all of them.
for options in 'short --depth 1' 'power-loss --operations 1 --depth 1'; do
    # shellcheck disable=SC2086 # words of one command line
    explore "$sim" $options
    wanted=$(verdict)
    states=$(value states)
    [ "$(value violations)" = 0 ] || fail "$options: $report"
    for rule in unchanged same_answers same_crash same_state same_beginning all; do
        # shellcheck disable=SC2086
        explore "$sim" $options --without $rule
        same "$options without $rule" "$wanted" "$(verdict)"
        [ "$(value states)" -ge "$states" ] || same "$options without $rule: states" "$states" "$(value states)"
    done
done

# A recovery that goes on from the middle of another one ends as if it had begun at its beginning: the same states, answers and verdicts.
for options in 'short --depth 1' 'power-loss --operations 1 --depth 1 --errors' 'crash-in-recovery --seed 5 --operations 1 --outcomes 40' \
    'key-value --outcomes 400' 'two-threads --preemptions 1'; do
    # shellcheck disable=SC2086
    explore "$sim" $options --jobs 1
    [ "$(value same_beginning)" -gt 0 ] || [ -n "$KAYA_SANITIZE" ] || same "$options: recoveries that went on from the middle" some none
    with="$(value states) $(value distinct) $(value points) $(value digest) $(value violations)"
    # shellcheck disable=SC2086
    explore "$sim" $options --jobs 1 --without same_beginning
    same "$options, from its beginning" "$with" "$(value states) $(value distinct) $(value points) $(value digest) $(value violations)"
    same "$options, from its beginning" 0 "$(value same_beginning)"
done

# Planted bugs: found with all rules and with none, by the same promise.
found=0
for bug in A1-acknowledged-before-its-sync A3-names-not-synced C2-zeros-are-a-record K3-relaxed-tail-not-synced D3-salt-in-memory-only; do
    [ -x "$bugs$bug" ] || continue
    explore "$bugs$bug" short --depth 1
    with=$(value distinct) with_promise=$(value promise) line=$(printf '%s' "$report" | sed 's/.*"replays":\["\([^"]*\)".*/\1/')
    [ "$(value violations)" = 0 ] || found=$((found + 1))
    if [ "$(value violations)" != 0 ]; then
        "$bugs$bug" replay "$line" >/dev/null && fail "$bug: '$line' breaks nothing"
        "$sim" replay "$line" >"$work/out" 2>&1 || grep -q 'no such call' "$work/out" || {
            fail "'$line' breaks the log as it is"
        }
    fi
    explore "$bugs$bug" short --depth 1 --without all
    same "$bug: recoveries with all rules and with none" "$with" "$(value distinct)"
    same "$bug: promise with all rules and with none" "$with_promise" "$(value promise)"
done
[ ! -x "${bugs}A1-acknowledged-before-its-sync" ] || [ "$found" -gt 0 ] || {
    echo 'no planted bug was found by the explorer' >&2
    failures=$((failures + 1))
}

# Their paths are shrunk: to fewer operations, by the same promise, in a short story, and to a line that still replays.
shrink() { # PROGRAM LINE: sets $report, $short
    report=$("$1" shrink "$2" --json) && same "shrink '$2'" 'exit code 1' 0
    short=$(printf '%s' "$report" | sed 's/.*"line": *"\([^"]*\)".*/\1/')
    if "$1" replay "$short" >/dev/null; then same "'$short', shrunk from '$2'" broken held; fi
}
for case in 'A1-acknowledged-before-its-sync small 1 1' 'K3-relaxed-tail-not-synced small 1 2' 'C13-cut-before-the-copies-are-durable short 2 4'; do
    # shellcheck disable=SC2086
    set -- $case
    [ -x "$bugs$1" ] || continue
    explore "$bugs$1" "$2" --depth "$3" --states 20000
    promise=$(value promise)
    shrink "$bugs$1" "$(printf '%s' "$report" | sed 's/.*"replays":\["\([^"]*\)".*/\1/')"
    same "$1, shrunk: promise" "$promise" "$(value promise)"
    [ "$(value operations)" -le "$4" ] || same "$1, shrunk: operations" "$4" "$(value operations)"
    same "$1, shrunk: complete" true "$(value complete)"
    lines=$(printf '%s' "$report" | sed 's/.*"story": *\[\(.*\)\], *"paths.*/\1/; s/", *"/\n/g' | wc -l)
    [ "$lines" -lt 12 ] || same "$1, shrunk: lines of its story" '12 at most' "$report"
    if "$sim" shrink "$short" >"$work/out" 2>&1; then
        grep -q 'nothing to shrink' "$work/out" || same "'$short' of the log as it is" held "$(cat "$work/out")"
    else
        grep -q 'no such call' "$work/out" || same "'$short' of the log as it is" 'no such call' "$(cat "$work/out")"
    fi
done

# Threads: every schedule and every crash in it; the same for any number of processes; mistakes that need a schedule are found and replayed.
explore "$sim" two-threads
one="$(value runs) schedules, $(value states) states, $(value digest), $(value violations) violations, exhaustive $(value exhaustive)"
case $one in
    *', 0 violations, exhaustive true') ;;
    *) same 'two threads' 'all schedules, 0 violations' "$one" ;;
esac
[ "$(value runs)" -ge 500 ] || same 'schedules of two threads' '500 at least' "$(value runs)"
explore "$sim" two-threads --jobs 1
same 'two threads, by one process' "$one" \
    "$(value runs) schedules, $(value states) states, $(value digest), $(value violations) violations, exhaustive $(value exhaustive)"
explore "$sim" two-threads --preemptions 1
[ "$(value runs)" -lt 100 ] || same 'schedules with one preemption' 'fewer than 100' "$(value runs)"
for bug in G2-lost-wake-up G4-durable-past-the-sync G5-woken-in-its-sleep; do
    [ -x "$bugs$bug" ] || continue
    explore "$bugs$bug" two-threads --preemptions 1
    line=$(printf '%s' "$report" | sed 's/.*"replays":\["\([^"]*\)".*/\1/')
    case $line in
        'explore two-threads preemptions=1: schedule '*) ;;
        *) same "$bug" 'found under a schedule' "$report" ;;
    esac
    if "$bugs$bug" replay "$line" >/dev/null; then same "$bug, replayed" broken held; fi
done
explore "$sim" concurrent-appenders --operations 2 --seed 3
same 'a scenario of threads' '0 true' "$(value violations) $(value exhaustive)"

# Processes, and going on after a stop.
explore "$sim" short --depth 1 --jobs 1
one="$(value states) $(value distinct) $(value points) $(value digest)"
for jobs in 2 5; do
    explore "$sim" short --depth 1 --jobs $jobs
    same "--jobs $jobs" "$one" "$(value states) $(value distinct) $(value points) $(value digest)"
done
explore "$sim" short --depth 1 --memory 16 --resume "$work/file" --states 800
[ "$(value exhaustive)" = false ] || same 'a stopped exploration is exhaustive' false "$(value exhaustive)"
explore "$sim" short --depth 1 --memory 16 --resume "$work/file" --jobs 2
same 'after a stop' "$one" "$(value states) $(value distinct) $(value points) $(value digest)"
explore "$sim" short --depth 1 --memory 16 --resume "$work/file"
same 'once more' "$one" "$(value states) $(value distinct) $(value points) $(value digest)"

# What an exploration did not leave it does not take, byte for byte; and it says where it saw that.
refused() { # WHERE-AND-WHY, FILE, [OPTION...]
    where=$1 file=$2
    shift 2
    cp "$file" "$work/before"
    code=0
    timeout 60 "$sim" explore --memory 16 --resume "$file" "$@" >"$work/out" 2>&1 || code=$?
    [ "$code" -eq 2 ] || fail "$where: exit code $code, not 2"
    grep -qF "$file: $where" "$work/out" || fail "no '$where' in: $(cat "$work/out")"
    cmp "$work/before" "$file" || fail "$where: the file was written to"
}
spoilt() { # OFFSET: one byte of a file that is right is another
    cp "$work/file" "$work/spoilt"
    printf '\377' | dd of="$work/spoilt" bs=1 seek="$1" conv=notrunc status=none
}
: >"$work/empty"
refused 'byte 0: nothing, where a file of an exploration has the mark "kayaexpl"' "$work/empty"
echo kaya >"$work/note"
refused 'byte 0: 0x6b6179610a, where' "$work/note"
echo 'Dear Ada, the log is well.' >"$work/note"
refused 'byte 0: 0x4465617220416461, where' "$work/note"
refused 'byte 16: it was left by another exploration or another program: 0x' "$work/file" small
refused 'byte 24: --memory was 16777216 bytes, expected 17825792' "$work/file" short --depth 1 --memory 17
spoilt 0
refused 'byte 0: 0xff6179616578706c, where' "$work/spoilt" short --depth 1
spoilt 8
refused 'byte 8: version 255, expected 2' "$work/spoilt" short --depth 1
spoilt 16
refused 'byte 16: it was left by another' "$work/spoilt" short --depth 1
head -c 100000 "$work/file" >"$work/spoilt"
refused 'byte 100000: it ends there, expected at ' "$work/spoilt" short --depth 1
# shellcheck disable=SC2094 # it is locked, and not written
(
    flock 9
    refused 'another session has it in use' "$work/file" short --depth 1
    [ "$failures" -eq 0 ]
) 9<"$work/file" || failures=1
mkdir "$work/folder"
"$sim" explore --resume "$work/folder" >"$work/out" 2>&1 && fail 'a folder is taken'
grep -qF "$work/folder: Is a directory" "$work/out" || fail "a folder: $(cat "$work/out")"
(ulimit -f 100 && trap '' XFSZ && ! "$sim" explore short --depth 1 --memory 16 --resume "$work/no-room" 2>"$work/out") || fail 'there was room'
grep -qF "$work/no-room: File too large" "$work/out" || fail "no room: $(cat "$work/out")"
[ ! -e "$work/no-room" ] || fail 'what could not be begun is left behind'

# Errors, and all sequences of operations.
explore "$sim" power-loss --operations 1 --errors --depth 1
same 'errors' "0 true" "$(value violations) $(value exhaustive)"
explore "$sim" power-loss --operations 1 --every-script
same 'every script' "0 true" "$(value violations) $(value exhaustive)"

[ "$failures" -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
