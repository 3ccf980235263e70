#!/usr/bin/env bash
# kaya-wal as a user meets it: what each command prints, to whom, and with which exit code. What a small log looks like
# is compared with golden/*.txt (ids and other drawn numbers blotted out); KAYA_GOLDEN=write writes them anew.
set -u

wal=${KAYA_BIN:?the directory that holds kaya-wal}/kaya-wal
golden=$(cd "$(dirname "$0")" && pwd)/golden
# shellcheck source=tests/tools/expect.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/tools/expect.sh"

silent() { [ ! -s "$1" ] || fail "$1 should be empty: $(head -c 600 "$1")"; }
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ: $(diff "$1" "$2" | head -20)"; }

like_golden() {
    sed -E 's/\b[0-9a-f]{32}\b/<log id>/g' out >seen
    if [ "${KAYA_GOLDEN:-}" = write ]; then
        mkdir -p "$golden" && cp seen "$golden/$1"
    fi
    same "$golden/$1" seen
}

# Help teaches; mistakes in usage are told with exit 3.
expect 0 "$wal" --help
for command in append cat inspect verify salvage trim; do
    says_text out "  $command "
done
for command in append cat inspect verify salvage trim; do
    expect 0 "$wal" "$command" --help
    says_text out 'Example:'
    says_text out 'Exit codes:'
    expect 3 "$wal" "$command"
    silent out
    says_text err "kaya-wal $command"
    expect 3 "$wal" "$command" log --no-such-option
done
expect 0 "$wal" --version
says out '^kaya-wal [0-9.]+$'
expect 3 "$wal"
expect 3 "$wal" sing
says_text err "there is no command 'sing'"
expect 3 "$wal" append log --segment-bytes=lots
says_text err "'lots' is not a size"
expect 3 "$wal" append log --sync-method=hope
grep -q "there is no 'hope'; there are fdatasync, dsync" err || fail 'a sync method that is none'
expect 3 "$wal" append log --segment-bytes=1000
says_text err '--segment-bytes: '
[ "$(wc -l <err)" -eq 1 ] || fail "refused more than once: $(cat err)"
expect 3 "$wal" append log --segment-bytes=64K --record-bytes-max=64K
says_text err '--record-bytes-max: '
[ ! -e log ] || fail 'refused options made a log'
touch file
mkdir folder
ln -s folder link
expect 3 "$wal" cat file
says_text err 'file: is no directory'
expect 3 "$wal" cat link
says_text err 'link: is a symbolic link'
expect 3 "$wal" cat ''
says_text err 'an empty name'
expect 3 "$wal" cat folder
says_text err 'folder: cannot read: there is no log here'
! grep -q 'no such file' err || fail 'a folder that is there is said not to be'
rm -r file folder link
expect 3 "$wal" verify log --anchor 12:3
expect 3 "$wal" cat log --from 0

# Where nothing is.
for command in cat inspect verify salvage; do
    expect 3 "$wal" "$command" nowhere
    silent out
    says_text err 'nowhere'
done
[ ! -e nowhere ] || fail 'looking made a directory'
expect 3 "$wal" append no/such/parent
expect 3 "$wal" trim nowhere 1
expect 3 "$wal" verify nowhere --json
says_text out '"status":"KAYA_NOT_FOUND"'

# Lines go in and come out, whatever bytes they are made of.
printf 'one\n\nthree\rwith\0and\377\nlast without a newline' >in
cp in fed
expect 0 "$wal" append log --segment-bytes=64K
printf '1\n2\n3\n4\n' >numbers
same numbers out
silent err
expect 0 "$wal" cat log
echo >>fed
same fed out
expect 0 "$wal" cat log --from 2
printf '\nthree\rwith\0and\377\nlast without a newline\n' >rest
same rest out
expect 0 "$wal" cat log --from 5
silent out
expect 3 "$wal" cat log --from 6
says_text err 'no record 6'
expect 0 "$wal" append log </dev/null
silent out
printf 'a\nb\0c\0' >in
expect 0 "$wal" append log -0 --relaxed --json
printf '{"lsn":5}\n{"lsn":6}\n' >numbers
same numbers out
expect 0 "$wal" cat log -0 --from 5
printf 'a\nb\0c\0' >rest
same rest out
expect 0 "$wal" cat log --json
[ "$(wc -l <out)" -eq 6 ] || fail 'cat --json prints one line a record'
says_text out '"lsn":1,"type":"opaque","durable":true,"mended":false,'
says_text out '"payload":"one"}'
says_text out '"payload_hex":"74687265650d7769746800616e64ff"}'
says_text out '"payload":"a\nb"}'

# Closed cleanly, so everything is durable.
expect 0 "$wal" cat log --durable
[ "$(tr -d '\0' <out | wc -l)" -eq 7 ] || fail 'a closed log is durable to its end'
expect 0 "$wal" verify log
says_text out 'clean: nothing would be cut: 6 records, 1..6, in 1 segment'
says_text out 'closed cleanly'
expect 0 "$wal" verify log --json
says_text out '"item":"verdict","status":"KAYA_OK","finding":"clean","exit":0,"verdict":"clean"'
expect 0 "$wal" inspect log
says_text out 'verdict: clean'
expect 0 "$wal" inspect log --hex
says_text out '6f 6e 65 '
expect 0 "$wal" inspect log --json
says_text out '"item":"sums"'

# A line that is too long is named; what stands before it is kept and the log is closed.
{
    printf 'short\n'
    head -c 20000 /dev/zero | tr '\0' x
    printf '\nnever\n'
} >in
expect 1 "$wal" append limits --segment-bytes=64K --record-bytes-max=10000
says_text err 'line 2 '
says_text err '10000'
[ "$(cat out)" = 1 ] || fail 'the line before the long one is acknowledged'
expect 0 "$wal" cat limits
[ "$(cat out)" = short ] || fail 'the line before the long one is kept, and nothing else'
{
    printf 'short\n'
    head -c 60000 /dev/zero | tr '\0' x
    printf '\nnever\n'
} >in
expect 1 "$wal" append limits --segment-bytes=64K
says_text err 'line 2 is 60000 bytes long'
expect 0 "$wal" verify limits
says_text out 'clean'
head -c 4194305 /dev/zero | tr '\0' x >in
expect 1 "$wal" append limits
says_text err 'line 1 is longer than 4194304 bytes'
head -c 4194304 /dev/zero | tr '\0' x >in
expect 0 "$wal" append long
expect 0 "$wal" cat long
[ "$(wc -c <out)" -eq 4194305 ] || fail 'a record of 4 MiB comes back whole'

# Old records can go.
seq -f 'record number %06g' 5000 >in
expect 0 "$wal" append trimmed --segment-bytes=64K
expect 3 "$wal" trim trimmed 5002
says_text err 'lies beyond the log, whose last record is 5000'
expect 0 "$wal" trim trimmed 4000
first=$(cat out)
if [ "$first" -le 1000 ] || [ "$first" -gt 4000 ]; then fail "trim to 4000 ended at $first"; fi
expect 0 "$wal" cat trimmed
[ "$(head -1 out)" = "$(printf 'record number %06d' "$first")" ] || fail 'cat begins at the low-water mark'
[ "$(tail -1 out)" = 'record number 005000' ] || fail 'cat ends at the end'
expect 3 "$wal" cat trimmed --from $((first - 1))
says_text err 'trimmed away'
expect 0 "$wal" verify trimmed

# A directory or a link under a segment's name is named, left alone and gone round; where the first segment would stand there is no way round.
echo one >in
expect 0 "$wal" append taken --segment-bytes=64K
mkdir taken/0000000000000004.wal taken/0000000000000006.new
ln -s nowhere taken/0000000000000005.away
mkfifo taken/0000000000000007.wal
seq -f 'record number %06g' 10000 >in
expect 0 "$wal" append taken --segment-bytes=64K --verbose
says_text err 'name_taken, segment 4: 0000000000000004.wal'
expect 0 "$wal" cat taken --from 2
[ "$(wc -l <out)" -eq 10000 ] || fail 'all lines went into the log, round what stood in the way'
[ "$(find taken -name '*.new' -type f | wc -l)" -eq 0 ] || fail 'no unfinished file stays'
if ! [ -d taken/0000000000000004.wal ] || ! [ -d taken/0000000000000006.new ] || ! [ -p taken/0000000000000007.wal ]; then
    fail 'what stood in the way is left alone'
fi
expect 0 "$wal" verify taken
says_text out "'0000000000000005.away' is a directory or a link under a segment's name; the log goes round it"
expect 0 "$wal" inspect taken
says_text out '0000000000000006.new, which is no file'
mkdir -p barred/0000000000000001.wal
echo one >in
expect 3 "$wal" append barred
says_text err "'0000000000000001.wal' is no file"
says_text err 'KAYA_EXISTS'
rmdir barred/0000000000000001.wal
echo one >in
expect 0 "$wal" append barred
rm taken/0000000000000003.wal
mkdir taken/0000000000000001.new
mv taken/0000000000000001.wal taken/elsewhere
mkdir taken/0000000000000001.wal
expect 2 "$wal" verify taken
says_text out "what bears the segment's name is no file"

# What may not be opened is named, and a directory in which no file may be made is not taken for a full disk. (Root may do anything.)
seq 300 >in
expect 0 "$wal" append shut --segment-bytes=8K
someone=
program=$wal
if [ "$(id -u)" -eq 0 ]; then
    someone='runuser -u nobody --'
    program=$PWD/kaya-wal
    cp "$wal" "$program"
    chmod 711 .
    chown -R nobody shut
fi
as_someone() { # CODE COMMAND: it is told in plain words
    # shellcheck disable=SC2086 # words
    expect "$1" $someone "$program" "$2" shut
    says_text err 'KAYA_DENIED'
}
chmod 500 shut
echo more >in
as_someone 1 append
! grep -q KAYA_FULL err || fail 'want of leave is called want of room'
chmod 700 shut
chmod 400 shut/0000000000000002.wal
as_someone 3 append
says_text err '0000000000000002.wal: does not open for writing'
chmod 000 shut/0000000000000001.wal
for command in verify cat inspect salvage append; do
    as_someone 3 "$command"
    says_text err '0000000000000001.wal: does not open: '
done

# So is the place that cannot be read.
if strace -o calls -e inject=pread64,preadv,preadv2:error=EIO:when=9+ "$wal" verify log >out 2>err && [ -s calls ]; then
    fail 'a disk that fails is verified'
fi
if [ -s calls ]; then
    says_text err 'KAYA_IO'
    says err '^  0000000000000001\.wal, 0x0: cannot be read$'
fi
rm -f calls

# A reader that goes away is no news; colours are for terminals.
"$wal" cat trimmed 2>err | head -1 >out
silent err
seq 100000 | "$wal" append pipe --relaxed 2>err | head -1 >out
[ "$(cat out)" = 1 ] || fail 'append | head'
silent err
expect 0 "$wal" verify pipe
for command in inspect verify salvage cat; do
    expect 0 "$wal" "$command" trimmed
    ! grep -q "$(printf '\033')" out || fail "$command colours a pipe"
done

# Output that cannot be written is told; a stream that the caller closed never becomes a file of the log.
"$wal" cat trimmed >/dev/full 2>err
[ $? -eq 3 ] || fail 'cat into a full file'
says_text err 'standard output: No space left'
seq 10 | "$wal" append full >/dev/full 2>err
[ "${PIPESTATUS[1]}" -eq 1 ] || fail 'append with nobody to hear it'
[ "$(wc -l <err)" -eq 1 ] || fail "told once: $(cat err)"
expect 0 "$wal" verify full
seq 10 | "$wal" append closed >&- 2>/dev/null
expect 0 "$wal" verify closed
"$wal" append closed <&- >/dev/null 2>err
[ $? -eq 1 ] || fail 'append without an input'
expect 0 "$wal" verify closed
[ ! -s closed/LOCK ] || fail 'an LSN was printed into a file of the log'

# Nothing is changed by looking.
find log trimmed -type f -printf '%p %s %T@\n' | sort >before
for command in inspect verify salvage cat; do
    expect 0 "$wal" "$command" log
    expect 0 "$wal" "$command" trimmed
done
find log trimmed -type f -printf '%p %s %T@\n' | sort >after
same before after
[ "$(stat -c %a log) $(find log -type f ! -perm 600)" = '700 ' ] || fail 'a log is for its owner alone'

# One file alone; a file that is none; a path that is no directory.
segment=$(cd log && echo *0001.wal)
expect 0 "$wal" inspect "log/$segment"
says_text out "$segment"
expect 3 "$wal" inspect numbers
says_text err 'numbers: '
expect 3 "$wal" cat numbers
ln -s log link
expect 3 "$wal" cat link
says_text err 'symbolic link'

# What a small log looks like.
printf 'first\nsecond\n' >in
expect 0 "$wal" append small --segment-bytes=4096
{
    echo third
    head -c 700 /dev/zero | tr '\0' y
    echo
} >in
expect 0 "$wal" append small --segment-bytes=4096 --relaxed
expect 0 "$wal" verify small
like_golden verify.txt
expect 0 "$wal" inspect small
like_golden inspect.txt
expect 0 "$wal" inspect small/0000000000000001.wal
says_text out ' 4 records, 0 damaged places'
expect 0 "$wal" inspect small --json
sed -i -E 's/"log_id":"[0-9a-f]+"/"log_id":"<log id>"/g' out
like_golden inspect.json

# The same with the last segment damaged under its claims.
printf '\0\0\0\0\0\0\0\0' | dd of=small/0000000000000001.wal bs=1 seek=600 conv=notrunc status=none
expect 2 "$wal" verify small
like_golden verify-damaged.txt
expect 2 "$wal" inspect small
like_golden inspect-damaged.txt
expect 2 "$wal" cat small
silent out
says_text err 'nothing was changed'
says_text err '  segment 1 (0000000000000001.wal), 0x'
expect 2 "$wal" append small
silent out
says_text err '  segment 1 (0000000000000001.wal), 0x'

# What is whole in it comes out, with the numbers it had, and the damaged log stays as it is.
find small -type f -printf '%p %s %T@\n' | sort >before
expect 1 "$wal" salvage small
like_golden salvage.txt
expect 1 "$wal" salvage small --to rescued/
like_golden salvage-to.txt
cp rescued/salvage.json out
like_golden salvage.json
[ ! -e rescued/salvage.json.new ] || fail 'a draft is left'
expect 1 "$wal" salvage small --json
like_golden salvage-lines.json
find small -type f -printf '%p %s %T@\n' | sort >after
same before after
expect 0 "$wal" verify rescued/from-2
says_text out 'clean: nothing would be cut: 3 records, 2..4'
expect 0 "$wal" cat rescued/from-2
[ "$(head -2 out | tr '\n' ' ')" = 'second third ' ] || fail 'the record behind the damage'
expect 3 "$wal" cat rescued/from-2 --from 1
echo next >in
expect 0 "$wal" append rescued/from-2
[ "$(cat out)" = 5 ] || fail 'a run goes on counting'

# Where it goes must be empty, and outside of the log.
expect 3 "$wal" salvage small --to rescued
says_text err 'rescued: is not empty'
expect 3 "$wal" salvage small --to small/rescued
says_text err 'in the log itself'
[ ! -e small/rescued ] || fail 'salvage wrote into the log'
expect 3 "$wal" salvage small --to no/such/parent
mkdir empty
expect 1 "$wal" salvage small --to empty
expect 0 "$wal" verify empty/from-2

# A healthy log is copied as one run; batches, large records and small segments come through.
expect 0 "$wal" salvage trimmed --to copied
says_text out ', nothing is lost'
expect 0 "$wal" cat trimmed
mv out fed
expect 0 "$wal" cat copied/from-"$first"
same fed out
expect 0 "$wal" salvage long --to copied-long
expect 0 "$wal" cat copied-long/from-1
[ "$(wc -c <out)" -eq 4194305 ] || fail 'a record of 4 MiB is salvaged whole'

# Nothing can be had, and that is said.
for segment in small/*.wal; do printf x >"$segment"; done
expect 2 "$wal" salvage small
like_golden salvage-nothing.txt

[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
