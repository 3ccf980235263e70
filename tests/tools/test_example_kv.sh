#!/bin/sh
# The example around the key-value engine: what it was told survives its own end, over snapshots and a log that it began.
set -eu
kv=$KAYA_BIN/example-kv
# shellcheck source=tests/scratch.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/scratch.sh"

expect() { # WANTED COMMAND...
    wanted=$1
    shift
    found=$("$kv" "$work/kv" "$@" | tr '\n' ' ')
    [ "$found" = "$wanted" ] || { echo "kv $*: '$found', wanted '$wanted'" >&2; exit 1; }
}
expect "" list
expect "" put b 1
expect "" put a "two words"
expect "a: two words b: 1 " list
expect "" snapshot
expect "a: two words b: 1 " list
expect "" delete b
expect "" put c ""
expect "a: two words c:  " list
expect "two words " get a
[ -f "$work/kv/snapshot" ] || { echo "there is no snapshot" >&2; exit 1; }
for wrong in "get b" "put d" "list all" "remove a" ""; do
    # shellcheck disable=SC2086 # words
    if "$kv" "$work/kv" $wrong >"$work/out" 2>&1; then
        echo "kv $wrong did not fail" >&2
        exit 1
    fi
    grep -q '^kv: ' "$work/out" || { echo "kv $wrong does not say why" >&2; exit 1; }
done
expect "a: two words c:  " list
