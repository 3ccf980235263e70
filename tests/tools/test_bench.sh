#!/usr/bin/env bash
# kaya-wal bench as a user meets it: tables, JSON, a picture, exit codes by class, and a directory that is left as it was. The engines of
# tools/bench-peers that need nothing but this tree do what they are told; it tells of them what they did, and works out of figures that are given
# what these say. No figure is judged here: only quiet machines say anything about speed.
set -u

bin=${KAYA_BIN:?the directory that holds kaya-wal}
# shellcheck source=tests/tools/expect.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/tools/expect.sh"
bench() { local want=$1; shift; expect "$want" "$bin/kaya-wal" bench "$@"; }

bench 0 --help
says out 'empty or not there'
says out 'Exit codes'

# For people, in a folder that was not there and is not afterwards.
{ printf '<svg xmlns="">'; yes 'an older picture'; } | head -c 1000000 >picture.svg
bench 0 new --time 1 --records 100 --threads 1,3 --methods fdatasync,dsync --svg picture.svg
[ ! -s err ] || fail "standard error should be empty: $(cat err)"
[ ! -e new ] || fail 'the folder that was made is still there'
says out '^new: [0-9]+ rounds in [0-9]+ s'
says out '^  100 B +pwrite, fdatasync +[0-9.]+( [kM])? +[0-9.]+ (ns|us|ms)'
says out '^  100 B +fdatasync +1 thread .* [0-9]+\.[0-9]+ +\([0-9.]+-[0-9.]+\)$'
says out '^  100 B +fdatasync +3 threads '
says out '^  100 B +dsync +1 thread '
says out '^Recovery reads a log back'
says picture.svg "^<svg xmlns"
says picture.svg '^</svg>$'
grep -q older picture.svg && fail 'an older picture is still there in part'
[ "$(grep -c '<polyline' picture.svg)" -eq 3 ] || fail 'three lines should be drawn'
grep -qE 'nan|inf' picture.svg out && fail 'a figure that is none'

# Where the picture cannot be written that is said before anything is measured; an older one is replaced whole.
expect 3 timeout 30 "$bin/kaya-wal" bench new --time 600 --svg no/such/picture.svg
says err '^kaya-wal: no/such/picture.svg: No such file or directory$'
echo 'Dear Ada' >letter
expect 3 timeout 30 "$bin/kaya-wal" bench new --time 600 --svg letter
says_text err 'letter: byte 0: no picture begins so, expected "<svg"; it is not written over'
[ "$(cat letter)" = 'Dear Ada' ] || fail 'a letter was written over'
[ ! -e new ] || fail 'the folder that was made is still there'

# For programs, in a folder that is there and stays.
mkdir there
bench 0 there --time 1 --records 1K,64K --threads 2 --methods fdatasync --json
[ -d there ] || fail 'the folder that was there is gone'
[ -z "$(ls -A there)" ] || fail "something is left behind: $(ls there)"
[ "$(grep -c '"item":"device"' out)" -eq 6 ] || fail "two sizes, three modes: $(cat out)"
[ "$(grep -c '"item":"log"' out)" -eq 8 ] || fail "two sizes, four modes: $(cat out)"
[ "$(grep -c '"item":"scan"' out)" -eq 2 ] || fail "two sizes: $(cat out)"
says out '^\{"item":"log","mode":"strict","method":"fdatasync","record_bytes":1024,"threads":2,"records":[1-9][0-9]*,'
says out '"item":"scan","record_bytes":65536,"records":1024,"bytes":67108864,'
tail -n 1 out | grep -qE '^\{"item":"bench","rounds":[1-9][0-9]*,"left_out":[0-9]+,"ticking":(false|true),"complete":true\}$' || fail "the last line: $(tail -n 1 out)"

# A device that answers at ticks of 4 ms only, for TICKING_MS of each 600: slices that this befalls are left out, unless it is most of them.
# How long the real one takes is not asked, so that its own ticks do not count.
cat >ticks.c <<'END'
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

int fdatasync(int descriptor)
{
    struct timespec time;

    (void)descriptor;
    clock_gettime(CLOCK_MONOTONIC, &time);
    if ((time.tv_sec * 1000 + time.tv_nsec / 1000000) % 600 < atoi(getenv("TICKING_MS"))) {
        time.tv_nsec += 4000000;
        time.tv_sec += time.tv_nsec / 1000000000;
        time.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
    }
    return 0;
}
END
ticking() { # MILLISECONDS: the last line
    TICKING_MS=$1 LD_PRELOAD=$PWD/ticks.so "$bin/kaya-wal" bench ticking --time 3 --records 100 --threads 1 --methods fdatasync --json |
        tail -n 1 >out
}
if [ -z "${KAYA_SANITIZE:-}" ]; then # which wants to be loaded first
    "${CC:-cc}" -shared -fPIC -o ticks.so ticks.c || fail 'ticks.c does not build'
    ticking 80
    says out '"left_out":[1-9][0-9]*,"ticking":false'
    ticking 600
    says out '"left_out":0,"ticking":true'
fi

# Stopped: it tidies up, and says so.
"$bin/kaya-wal" bench stopped --time 60 --records 100 --threads 1 --methods fdatasync --json >out 2>err </dev/null &
running=$!
for _ in $(seq 200); do [ -d stopped ] && break; sleep 0.05; done
sleep 1
kill -INT $running
wait $running
code=$?
[ $code -eq 1 ] || [ $code -eq 3 ] || fail "stopped, it ended with $code"
[ ! -e stopped ] || fail 'a stopped bench leaves its folder behind'
[ $code -ne 1 ] || tail -n 1 out | grep -q '"complete":false' || fail "the last line of a stopped bench: $(tail -n 1 out)"

# What must not be touched, and what cannot be meant.
mkdir full && echo mine >full/file
bench 3 full --time 1
says err 'not an empty directory'
[ "$(cat full/file)" = mine ] || fail 'a file of the user is gone'
bench 3 full/file --time 1
bench 3 no/such/parent --time 1
bench 3 x --time 0
bench 3 x --time soon
bench 3 x --records 65K
bench 3 x --records ''
bench 3 x --threads 4,2
bench 3 x --threads 0
bench 3 x --methods hope
says err "no 'hope'"
bench 3
bench 0 x --time 1 --records 1 --threads 1 --methods fsync
bench 3 x --time 1 --records 1 --threads 1 --methods fsync --svg x.svg
says err 'nothing to draw'

# The engines that tools/bench-peers starts (built with it, or not at all).
peer() { # NAME MODE COMMANDS: what it says
    rm -rf peer && mkdir peer
    printf '%b' "$3" | "$bin/bench-peer-$1" peer "$2" 2 >out 2>err
}
for name in bare kaya-wal; do
    peer $name relaxed 'slice 1 100 20 0\nslice 1 100 20 7\nlatencies\nkeep\nkeep\nlatencies\n' || fail "$name: $(cat out)"
    says out '^7 0\.[0-9]+ [1-9][0-9]* [0-9]+ [0-9]+ 0$'
    says out '^0 0 0 0$'
    says out '^7 [1-9][0-9]* [1-9][0-9]* [1-9][0-9]*$'
    peer $name sustained 'slice 1 1000 5000 40000\n' || fail "$name: $(cat out)"
    says out '^40000 [0-9.]+ 0 '
    peer $name scan 'fill 100 100000\nscan\n' || fail "$name: $(cat out)"
    peer $name strict 'slice 3 100 20 0\n' && fail "$name takes more threads than it was opened for"
    says out '^error that is no slice'
done
peer kaya-wal submitted 'slice 1 100 20 3000\n' || fail "kaya-wal: $(cat out)"
says out '^[1-9][0-9]* [0-9.]+ [0-9]+ [1-9][0-9]* [1-9][0-9]+ [1-9][0-9]*$'
peer kaya-wal sustained 'slice 1 1000 5000 40000\n' || fail "kaya-wal: $(cat out)"
[ "$(sed -n 's/^40000 .* //p' out)" -ge 3 ] || fail "40 MB of log and no three syncs: $(cat out)"

peers() { # WANTED ARGUMENT...: tools/bench-peers with what stands in this build
    local want=$1
    shift
    expect "$want" env KAYA_BIN="$bin" python3 "$KAYA_SOURCE/tools/bench-peers" --no-build "$@"
}
peers 0 --quick --engines none --only 'synced each 16 MiB, 1 thread, 1 KiB' --json told.json .
says out '^\| buffered and synced each 16 MiB, 1 thread, 1 KiB \| [0-9.]+ \([0-9.]+-[0-9.]+\) \| - \| [0-9,]+/s \|$'
[ ! -s err ] || fail "standard error should be empty: $(cat err)"
[ -z "$(ls -d bench-peers-* 2>/dev/null)" ] || fail 'bench-peers leaves its folder behind'
mv out measured
peers 2 --quick --engines none --json letter .
says_text err 'letter: Expecting value: line 1 column 1 (char 0); expected older figures'
peers 2 --quick --engines none --json no/such/figures .
says_text err 'no/such/figures: No such file or directory'
echo '{"bugs": []}' >others
peers 2 --quick --engines none --json others .
says_text err "others: there is no 'rows' in it"
expect 2 "$KAYA_SOURCE/tools/bug-board" --json letter
says_text err 'letter: Expecting value'
[ "$(cat letter)" = 'Dear Ada' ] || fail 'a letter was written over by figures'
peers 0 --from told.json
cmp -s out measured || fail 'what was written down is told otherwise'
peers 0 --quick --engines none --only '16 threads' .
says out '^\| strict, 16 threads, 100 B \| '
peers 1 --quick --engines none --only nothing .
says err "no row holds 'nothing'"
peers 2 --engines hope
says err "no engine 'hope'"
peers 1 --from no-such-file
# Where there is nothing to work in that is said before anything is built or measured, and nothing is made.
peers 2 --quick no/such/directory
says err 'bench-peers: error: no/such/directory: no such directory$'
peers 2 --quick told.json
says err 'bench-peers: error: told.json: not a directory$'
peers 1 --quick --engines none /proc
says err '^bench-peers: /proc: '
grep -q Traceback err && fail "a traceback is no error for people: $(cat err)"

# Gaps (null) are slices that did not count: only rounds with both figures make a ratio. Ours / bare: 2, 0.5, 4; ours / LevelDB: 1, 4.
cat >figures.json <<'END'
{"rounds": 4, "slice_seconds": 0.1, "seconds": 7, "rows": [
 {"title": "strict, 1 thread, 100 B", "kind": "slices", "record_bytes": 100, "rounds": 4, "left_out": 3, "threads": 1, "arms": {
  "bare": {"mode": "strict", "threads": 1, "rates": [100, 200, null, 200], "latencies": [1000, 100000, 200000, 400000], "records": 10,
   "syncs": 0, "bytes": 0, "device_writes": [2, 2, 3], "device_flushes": [1, 1, 1]},
  "kaya-wal": {"mode": "strict", "threads": 1, "rates": [200, 100, 300, 800], "latencies": [2000, 110000, 210000, 600000], "records": 10,
   "syncs": 10, "bytes": 1280, "device_writes": [2.5], "device_flushes": [1.25]},
  "leveldb": {"mode": "strict", "threads": 1, "rates": [200, null, null, 200], "latencies": [], "records": 4, "syncs": 0, "bytes": 0,
   "device_writes": [], "device_flushes": []}}},
 {"title": "strict, 16 threads, 100 B", "kind": "slices", "record_bytes": 100, "rounds": 1, "left_out": 0, "threads": 16, "arms": {
  "bare": {"mode": "strict", "threads": 1, "rates": [100], "latencies": [10, 1, 1, 1], "records": 1, "syncs": 0, "bytes": 0,
   "device_writes": [], "device_flushes": []},
  "kaya-wal": {"mode": "strict", "threads": 16, "rates": [1200], "latencies": [10, 1, 1, 1], "records": 1200, "syncs": 100, "bytes": 156000,
   "device_writes": [], "device_flushes": []}}}]}
END
peers 0 --from figures.json
says out '^\| strict, 1 thread, 100 B \| 2\.00 \(1\.25-3\.00\) \| 2\.50 \(1\.75-3\.25\) LevelDB \| 1\.50 \(1\.25-1\.75\) \| 200/s \|$'
says out 'kaya-wal \| 2,000 \| 110 us \| 210 us \| 600 us \(1\.50 of the bare'
says out '2\.50 writes and 1\.25 flushes of the device for each append; the bare loop: 2\.00 and 1\.00'
says out '16 threads, 100 B: 0\.75 \(0\.75-0\.75\) of threads / time of one bare append, 1,200 records a second'
says out '16 threads, 100 B: 1\.30 bytes handed to write\(\) for each byte of payload, 12\.0 records a sync'
says out '^3 slices were left out'

[ "$failures" -eq 0 ]
