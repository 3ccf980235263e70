#!/bin/sh
# tools/record-workload: real programs are recorded, and what was recorded is replayed on the simulated disk.
#
# Goal: every kind of call becomes what --help says. Method: programs whose calls are known (dd, mv, truncate), and traces written by
# hand for what they cannot be made to do (threads, failures, synced single writes).
set -u
record=${KAYA_SOURCE:?}/tools/record-workload
sim=${KAYA_BIN:?}/kaya-sim
# shellcheck source=tests/scratch.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/scratch.sh"
cd "$work" || exit 1

# expect TITLE FILE, the wanted lines on standard input; comments do not count.
expect() {
    cat >wanted
    grep -v '^#' "$2" >got
    diff wanted got >difference || { fail "$1:"; cat difference >&2; }
}

# code WANTED COMMAND...
code() {
    wanted_code=$1
    shift
    "$@" >said 2>&1
    got_code=$?
    [ "$got_code" -eq "$wanted_code" ] || { fail "exit code $got_code instead of $wanted_code: $*"; cat said >&2; }
}

code 0 "$record" --help
code 2 "$record"
code 2 "$record" --fly
code 2 "$record" --path
code 2 "$record" --from no-such-file
code 1 "$record" -- true
code 3 "$record" --output three -- sh -c 'echo x >x; exit 3'

code 0 "$record" --output synced -- dd if=/dev/zero of=file bs=100 count=3 oflag=dsync
expect "O_DSYNC" synced <<'END'
append 100 strict
append 100 strict
append 100 strict
END
grep -qF '# Recorded by: tools/record-workload --output synced -- dd if=/dev/zero of=file bs=100 count=3 oflag=dsync' synced ||
    fail "the header does not say how it was made"

# What is no workload is not written over, an older one is; both are known before the program is run.
echo 'Dear Ada' >letter
code 2 "$record" --output letter -- sh -c 'echo x >ran'
grep -qF "letter: byte 0: no workload begins so, expected '# Recorded by:'" said || fail "a letter: $(cat said)"
[ "$(cat letter)" = 'Dear Ada' ] || fail "a letter was written over"
code 2 "$record" --output no/such/workload -- sh -c 'echo x >ran'
[ ! -e ran ] || fail "the program was run although its workload could not be written"
code 1 "$record" --output nothing -- true
[ ! -e nothing ] || fail "an empty workload is left behind"
code 0 "$record" --output synced -- dd if=/dev/zero of=file bs=100 count=3 oflag=dsync

code 0 "$record" --output once -- dd if=/dev/zero of=once.bin bs=77 count=2 conv=fsync
expect "fsync at the end" once <<'END'
append 77 relaxed
append 77 relaxed
sync
END

# What is not written to a file of its own does not count: standard output, /dev, what --path leaves out.
# shellcheck disable=SC2016
program='echo a >>log; echo bc >>log; echo x >other; echo d >/dev/null; echo e; echo ttt >log.new; mv log.new log; echo f >>log
    truncate -s 0 log; echo gg >>log; rm log'
code 0 "$record" --path '*/log*' --output files -- sh -c "$program"
expect "several files as one log" files <<'END'
append 2 relaxed
reopen
append 3 relaxed
append 4 relaxed
trim 1
reopen
append 2 relaxed
reopen
trim
reopen
append 3 relaxed
trim
END
code 0 "$record" --path '*/final' --output named -- sh -c 'exec 3>draft; echo a >&3; mv draft final; echo bc >&3; rm final'
expect "a file that gets its name while it is open" named <<'END'
append 3 relaxed
trim
END
"$record" --path '*/other' -- sh -c "$program" >other.workload 2>/dev/null || fail "standard output"
expect "to standard output" other.workload <<'END'
append 2 relaxed
END

# Threads, calls that fail or write a part, single synced writes, files written over from their start.
cat >trace <<'END'
7 openat(AT_FDCWD</d>, "/d/a", O_RDWR|O_CREAT, 0644) = 3</d/a>
7 openat(AT_FDCWD</d>, "b", O_WRONLY|O_CREAT|O_SYNC, 0644) = 4</d/b>
7 openat(AT_FDCWD</d>, "c", O_RDONLY) = 5</d/c>
7 openat(AT_FDCWD</d>, "no", O_RDWR) = -1 ENOENT (No such file or directory)
8 pwrite64(3</d/a>, ""..., 4096, 0 <unfinished ...>
7 write(4</d/b>, ""..., 10 <unfinished ...>
8 <... pwrite64 resumed>)                 = 4096
7 <... write resumed>)                    = 6
7 write(4</d/b>, ""..., 10)               = -1 ENOSPC (No space left on device)
7 pwritev2(3</d/a>, [{iov_base=""..., iov_len=30}, {iov_base=""..., iov_len=20}], 2, 4096, RWF_DSYNC) = 50
8 writev(3</d/a>, [{iov_base=""..., iov_len=7}], 1) = 7
8 fdatasync(5</d/c>)                      = 0
8 fdatasync(3</d/a>)                      = -1 EIO (Input/output error)
8 fdatasync(3</d/a>)                      = 0
8 fsync(9</d>)                            = 0
8 pwrite64(3</d/a>, ""..., 100, 0)        = 100
8 ftruncate(3</d/a>, 1000)                = 0
8 unlink("/d/b")                          = 0
8 renameat2(AT_FDCWD</d>, "a", AT_FDCWD</d>, "z", RENAME_NOREPLACE) = 0
8 syncfs(3</d/z>)                         = 0
8 +++ exited with 0 +++
END
code 0 "$record" --from trace --output from
expect "a trace" from <<'END'
append 4096 relaxed
append 6 strict
append 50 strict
append 7 relaxed
sync
append 100 relaxed
sync
END
code 0 "$record" --from trace --start-over --output over
expect "with --start-over" over <<'END'
append 4096 relaxed
append 6 strict
append 50 strict
append 7 relaxed
sync
trim 3
append 100 relaxed
trim 1
sync
END

# Replay: the recording is the workload of a scenario.
cat >recorded.yaml <<'YAML'
story: |
  What the shell did to its log.
name: recorded
seeds: 200
faults: [lost_sector]
crash: {endings: {power_loss: 3, process_crash: 1}}
workload_file: files
YAML
code 0 "$sim" run recorded.yaml --json
grep -q '"violation_count":0' said || { fail "the replay broke a promise"; cat said >&2; }
"$sim" replay 'recorded.yaml seed=5' --trace >events || fail "no trace"
# Operations follow each other as in the file, from wherever the run began, and over again.
order='append_relaxed reopen append_relaxed append_relaxed trim reopen append_relaxed reopen trim reopen append_relaxed trim'
kinds=$(sed -nE 's/.* operation .* (append_relaxed|reopen|trim)$/\1/p' events | tr '\n' ' ')
[ "$(echo "$kinds" | wc -w)" -ge 12 ] || fail "too few operations: $kinds"
case "$order $order " in
    *"$(echo "$kinds" | cut -d ' ' -f 1-12) "*) ;;
    *) fail "not in the recorded order: $kinds" ;;
esac

[ "$failures" -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
