#!/bin/sh
# core/NECESSITY.md: each row's run still breaks its promise without the call, and each kind of call that is made has a row.
#
# Goal: the page is not older than core. Method: `kaya-sim necessity --check`; and pages that are wrong must be told so.
set -u
sim=${KAYA_BIN:?}/kaya-sim
page=${KAYA_SOURCE:?}/core/NECESSITY.md
# shellcheck source=tests/scratch.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/scratch.sh"

# expect CODE PATTERN PAGE
expect() {
    "$sim" necessity --check "$3" >"$work/said" 2>&1
    code=$?
    if [ "$code" -ne "$1" ] || ! grep -q -e "$2" "$work/said"; then
        echo "$3: exit code $code, wanted $1 and '$2':" >&2
        cat "$work/said" >&2
        failures=$((failures + 1))
    fi
}

expect 0 ', 0 wrong' "$page"

grep -v '^| append: sync of a segment with frames' "$page" >"$work/short.md"
expect 1 '^append: sync of a segment with frames: no row' "$work/short.md"
sed '/^| append: sync of a segment with frames/s/seed=0x[0-9a-f]*/seed=0x1/; /^| recovery: cut/s/| [^|]* |$/| |/' \
    "$page" >"$work/wrong.md"
sed -i '/^| trim: sync/s/| P[0-9]* |/| P99 |/' "$work/wrong.md"
expect 1 'the page says P99' "$work/wrong.md"
expect 1 '^recovery: cut of an unfinished segment: no run, and no reason' "$work/wrong.md"
expect 2 'No such file' "$work/none.md"

[ "$failures" -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
