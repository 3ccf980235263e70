#!/usr/bin/env bash
# The root README keeps its word: its program is the one in tools/example, its command builds that program, the program
# does what it says; and its walk ends as it says, on a log of packages made for it. (tests/structure/ looks at links.)
set -eu

# shellcheck source=tests/tools/page.sh
. "${KAYA_SOURCE:?the top of the tree}/tests/tools/page.sh"

sed -n "/^\x60\x60\x60c\$/,/^\x60\x60\x60\$/p" README.md | sed '1d;$d' >"$work/notes.c"
cmp "$work/notes.c" tools/example/notes.c || stop 'the program in README.md is not tools/example/notes.c'

build_as_told README.md notes
"$work/notes" "$work/log" 'milk, eggs' 'call Ada' >"$work/out"
printf '1: milk, eggs\n2: call Ada\n' | diff - "$work/out" || stop 'notes does not print what it was given'
"$work/notes" "$work/log" 'third' | tail -1 | grep -qx '3: third' || stop 'notes forgets'
if "$work/notes" "$work/no/such/parent" x 2>/dev/null; then stop 'notes does not say that it failed'; fi

# The walk: every command of it, in order. The writer is killed once it has acknowledged some lines, not after a time.
for i in $(seq 5820); do
    echo "2024-01-01 00:00:00 status installed package-$i:amd64 1.0-$i"
done >"$work/packages.log"
sed -n 's/^\$ //p' README.md |
    sed "s#/var/log/dpkg.log#$work/packages.log#g;s#^sleep [0-9.]*;#until [ \"\$(wc -l <acknowledged)\" -ge 400 ]; do sleep 0.01; done;#" >"$work/walk.sh"
grep -q 'until .* kill -KILL' "$work/walk.sh" || stop 'the walk kills nobody'
mkdir "$work/walk"
(cd "$work/walk" && PATH=$KAYA_BIN:$PATH bash ../walk.sh >../walked 2>&1) || stop "the walk ends badly: $(cat "$work/walked")"
for words in 'every line, and nothing else' 'the whole file' 'still the whole file' 'clean: nothing would be cut: 5820 records' \
    'mended: a bit among durable bytes' '(record 1); a claim covers it' 'damaged: records 1..' '5819 records salvaged, 1 lost' '5821' 'one more'; do
    grep -qF -- "$words" "$work/walked" || stop "the walk does not say '$words': $(cat "$work/walked")"
done
[ "$(grep -cx 'exit 2' "$work/walked")" -eq 3 ] || stop "verify and append end otherwise: $(cat "$work/walked")"
[ "$(grep -cx 'exit 1' "$work/walked")" -eq 1 ] || stop "salvage ends otherwise: $(cat "$work/walked")"
grep -c '^> ' "$work/walked" | grep -qx 1 || stop "more than one line was lost: $(cat "$work/walked")"
