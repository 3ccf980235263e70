#!/bin/sh
# The standard small logs, and an engine over one, crashed at every disk call: depth one everywhere, and two more crashes inside recovery and behind it on the
# shorter ones. Zero violations, and enough states that the walk cannot have ended early.
set -eu
sim=$KAYA_BIN/kaya-sim

explore() { # STATES-AT-LEAST LOG [OPTION...]
    least=$1
    shift
    report=$("$sim" explore "$@" --json) || {
        echo "explore $*: $report" >&2
        exit 1
    }
    states=$(printf '%s' "$report" | sed -n 's/.*"states": *\([0-9]*\).*/\1/p')
    violations=$(printf '%s' "$report" | sed -n 's/.*"violations": *\([0-9]*\).*/\1/p')
    if [ "$violations" != 0 ] || [ "$states" -lt "$least" ]; then
        echo "explore $*: $states states, wanted $least at least; $violations violations, wanted 0: $report" >&2
        exit 1
    fi
    echo "explore $*: $states states, 0 violations"
}

bound=200000
[ -z "$KAYA_SANITIZE" ] || bound=20000
explore 5000 small
explore 5000 padded --outcomes 200
explore 10000 short --depth 3 --states "$bound"
explore 10000 short-padded --depth 3 --outcomes 1000 --states "$bound"
explore 10000 key-value
explore 10000 key-value --depth 2 --outcomes 100 --steps 2 --states "$bound"
explore 10000 short --depth 1 --errors --states "$bound"
