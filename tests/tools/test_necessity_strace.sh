#!/bin/sh
# core/NECESSITY.md against the calls that kaya-wal makes on a real directory: each kind has a row.
#
# Goal: what the simulation sees at the seam is what the kernel is asked for. Method: strace watches appends, a trim, a process that is
# killed and the recovery behind it; the calls are told apart as scenarios/mute.c does it, by the ending of the file's name and by what was
# written there since its last sync (sync_file_range belongs to reading past the cache, and makes nothing durable); and what must have been seen is listed, so that a log of strace that says nothing fails.
set -u
wal=${KAYA_BIN:?}/kaya-wal
page=${KAYA_SOURCE:?}/core/NECESSITY.md
# shellcheck source=tests/scratch.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/scratch.sh"
cd "$work" || exit 1

if ! strace -o probe -e trace=openat true 2>/dev/null || ! [ -s probe ]; then
    echo "SKIPPED: strace is not here, or may not watch: real calls were not compared with core/NECESSITY.md" >&2
    exit 0
fi

# watch [OPTION OF STRACE...] -- COMMAND...
calls=fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,fallocate,pwrite64,pwritev,pwritev2,write
watch() {
    options=
    while [ "$1" != -- ]; do
        options="$options $1"
        shift
    done
    shift
    # shellcheck disable=SC2086 # words
    strace -f -y -s 0 -A -o calls -e "trace=$calls" $options "$@" >/dev/null 2>>said
}

seq 1 4000 | watch -- "$wal" append --segment-bytes=8K log
watch -- "$wal" trim log 3000
seq 1 10 | watch -e inject=fdatasync:signal=KILL:when=2 -- "$wal" append log
seq 1 4000 | watch -- "$wal" append log
seq 1 4000 | watch -e inject=fsync:signal=KILL:when=3 -- "$wal" append log
watch -- "$wal" trim log 6000
seq 1 20 | watch -- "$wal" append --relaxed log

awk -v log_directory="$work/log" '
function ends(name, ending) { return substr(name, length(name) - length(ending) + 1) == ending }
function path_of(text) { sub(/^[^<]*</, "", text); sub(/>.*$/, "", text); return text }
function role(name) { return ends(name, ".new") ? "an unfinished segment" : ends(name, ".wal") ? "a segment" : "another file" }
function sync(name,    what) {
    what = headers[name] ? "headers" : frames[name] ? "frames" : cut[name] ? "a cut" : sized[name] ? "its size" : "nothing new"
    headers[name] = frames[name] = cut[name] = sized[name] = 0
    return "sync of " role(name) " with " what
}
function directory(    what) {
    what = new_names ? "new names" : away ? "names away and back" : "nothing new"
    new_names = away = 0
    return "sync of the directory with " what
}
# A call of one thread that was told in two halves, another thread calling in between. One that never came back did nothing.
/ <unfinished \.\.\.>$/ { sub(/ <unfinished \.\.\.>$/, ""); begun[$1] = $0; next }
/^[0-9]+ +<\.\.\. / { half = $0; sub(/^[^>]* resumed>/, "", half); $0 = begun[$1] half }
/ = \?$/ { next }
{ sub(/^[0-9]+ +/, ""); call = $0; sub(/\(.*/, "", call); name = path_of($0) }
/ = -1 / || /^[+-]/ { next }
call == "fsync" || call == "fdatasync" {
    print name == log_directory ? directory() : index(log_directory, name "/") == 1 ? "sync of the parent" : sync(name)
    next
}
call ~ /^p?write/ {
    if (index(name, log_directory "/") == 1 && !ends(name, "/LOCK")) {
        if ($NF == 96) headers[name] = 1; else frames[name] = 1
    }
    next
}
call ~ /^rename/ {
    split($0, words, "\"")
    from = words[2]; to = words[4]
    if (ends(from, ".away") || ends(to, ".away")) { away = 1; print "rename of a segment away and back" }
    else if (ends(to, ".new")) print "rename of a segment that is taken again"
    else { new_names = 1; print "rename of an unfinished segment to its name" }
    next
}
call ~ /^unlink/ { split($0, words, "\""); print "removal of " role(words[2]); next }
call == "ftruncate" && index(name, log_directory "/") != 1 { next } # what counts the lines of the program itself
call == "ftruncate" { if (ends(name, ".wal")) cut[name] = 1; else sized[name] = 1; print "cut of " role(name); next }
call == "fallocate" { sized[name] = 1; print "room for " role(name); next }
{ print "unknown call: " $0 }
' calls | sort | uniq -c >seen

sed -n 's/^| [a-z]*: \([^|]*[^| ]\) |.*/\1/p' "$page" | sort -u >rows
while read -r count call; do
    grep -q -x -F -e "$call" rows || {
        fail "no row for: $call ($count times)"
    }
done <seen
for call in 'sync of a segment with frames' 'sync of a segment with headers' 'sync of an unfinished segment with headers' \
    'sync of the directory with new names' 'sync of the directory with names away and back' 'sync of the parent' \
    'rename of an unfinished segment to its name' 'rename of a segment away and back' 'removal of a segment' 'cut of a segment' \
    'room for an unfinished segment'; do
    grep -q -e " $call\$" seen || {
        fail "never seen: $call"
    }
done
[ "$failures" -eq 0 ] || { cat seen said >&2; exit 1; }
