#!/usr/bin/env bash
# bench-power-loss as a user meets it: figures for people and for programs, exit codes by class. No figure is judged here: only quiet
# machines say anything about speed.
set -u

bin=${KAYA_BIN:?the directory that holds kaya-sim}
bench=$bin/bench-power-loss
[ -x "$bench" ] || exit 0 # the reference wants ISA-L
# shellcheck source=tests/tools/expect.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/tools/expect.sh"

expect 0 "$bench" --help
says out 'at-least'
expect 0 "$bench" --pairs 2 --seeds 1 "$bin/kaya-sim"
[ ! -s err ] || fail "standard error should be empty: $(cat err)"
says out '2 pairs'
says out 'ratio +0\.[0-9]+ +0\.[0-9]+ +0\.[0-9]+'
expect 0 "$bench" --pairs 1 --seeds 1 --json "$bin/kaya-sim"
says out '^\{"scenario":"power-loss","pairs":1,.*"ratio":\{"median":0\.[0-9]+,'
expect 1 "$bench" --pairs 1 --seeds 1 --at-least 1000 "$bin/kaya-sim"
expect 0 "$bench" --pairs 1 --seeds 1 --at-least 0.000001 "$bin/kaya-sim"

# What cannot be measured, and what cannot be meant.
expect 2 "$bench" --pairs 1 "$work/nothing"
expect 2 "$bench" --pairs 1 /bin/false
expect 64 "$bench" --pairs none "$bin/kaya-sim"
expect 64 "$bench" --at-least 0 "$bin/kaya-sim"
expect 64 "$bench"

[ "$failures" -eq 0 ]
