#!/bin/bash
# Goal: a strict append in steady state is two device writes at most, and exactly one flush: its data, and no metadata.
# Method: ext4 on a loop device, `kaya-wal append` over a segment that is prepared, a record at a time so that each has a
# sync of its own; the block layer's counts (/sys/block/*/stat) before and after. They want root and a loop device: where
# these are not to be had the test says so and looks at nothing.
set -euo pipefail
records=400
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }
skip() { echo "SKIPPED, nothing was looked at: $*"; exit 0; }

[ "$(id -u)" -eq 0 ] || skip "only root counts what a device does"
command -v mkfs.ext4 losetup mount umount >/dev/null || skip "mkfs.ext4, losetup or mount is missing"

work=$(mktemp -d)
device=
clean() {
    umount "$work/mounted" 2>/dev/null || true
    [ -z "$device" ] || losetup --detach "$device" 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT
truncate --size 192M "$work/disk"
device=$(losetup --find --show "$work/disk" 2>"$work/err") || skip "no loop device: $(cat "$work/err")"
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$device" 2>"$work/err" || skip "no ext4: $(cat "$work/err")"
mkdir "$work/mounted"
# Nothing but the log shall write: no access times, and a journal that is committed when somebody asks for it.
mount -o noatime,commit=300 "$device" "$work/mounted" 2>"$work/err" || skip "no mount: $(cat "$work/err")"
stat=/sys/block/$(basename "$device")/stat
[ "$(wc -w <"$stat")" -ge 17 ] || skip "this kernel does not count flushes"

# Fields 5 and 16 of /sys/block/*/stat: writes and flushes that were completed.
counts() { awk '{ print $5, $16 }' "$stat"; }

# One record at a time: the next one is fed when the last was acknowledged, so none shares a sync.
feed() { # COUNT: over the open pipes 8 (in) and 9 (out)
    local lsn
    for ((i = 0; i < $1; i++)); do
        printf '%0100d\n' "$i" >&8
        read -r lsn <&9
        [ -n "$lsn" ] || return 1
    done
}

look() { # METHOD
    local directory=$work/mounted/$1 writes flushes before after
    mkfifo "$work/in" "$work/out"
    "$KAYA_BIN/kaya-wal" append "$directory" --sync-method="$1" <"$work/in" >"$work/out" 2>"$work/err" &
    exec 8>"$work/in" 9<"$work/out"
    if ! feed 20; then # the log is begun, its stride is written ahead and synced
        exec 8>&- 9<&-
        wait $! || true
        rm "$work/in" "$work/out"
        grep -q 'not to be had here' "$work/err" && { echo "$1: not to be had here"; return; }
        fail "$1: $(cat "$work/err")"
        return
    fi
    sleep 1 # the tending thread, and what the kernel writes behind
    feed 20
    read -r -a before <<<"$(counts)"
    feed $records
    read -r -a after <<<"$(counts)"
    exec 8>&- 9<&-
    wait $! || fail "$1: $(cat "$work/err")"
    rm "$work/in" "$work/out"
    writes=$((after[0] - before[0]))
    flushes=$((after[1] - before[1]))
    echo "$1: $records strict appends, $writes device writes, $flushes flushes"
    [ $((writes * 10)) -le $((records * 21)) ] || fail "$1: more than 2.1 writes for each append"
    [ $writes -ge $records ] || fail "$1: less than a write for each append: the counts say nothing"
    # A pause of the kernel's own writing may fall into the time: one in a hundred.
    if [ $flushes -lt $records ] || [ $((flushes * 100)) -gt $((records * 101)) ]; then
        fail "$1: not one flush for each append"
    fi
    rm -r "$directory"
}

for method in fdatasync dsync direct-fdatasync direct-dsync io_uring; do
    look $method
done
[ $failures -eq 0 ]
