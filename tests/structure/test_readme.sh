#!/bin/bash
# Goal: what the READMEs tell people to type is there, tools say what they do, every link leads somewhere, and a room's README names its files, all of them and no others.
# Method: collect scripts, programs with their first word, relative links and names of files out of every .md. Which README answers for a
# file: the one in its folder, or the next above. It names the file, with or without path and ending, or a folder that holds it
# (`posix/`). The check of names is first shown a planted room.
set -euo pipefail
export LC_ALL=C
cd "$KAYA_SOURCE"
failures=0
complain() { echo "$*"; failures=1; }

mapfile -t pages < <(find . -name '*.md' -not -path './build/*' -not -path './.git/*' | sort)
[ "${#pages[@]}" -gt 0 ] || { echo "no page found"; exit 1; }

while IFS=: read -r page script; do
    [ -x "$script" ] || complain "$page: $script cannot be run"
done < <(grep -oHE '(^|[ `(])(tools/(run|test|setup|check|fuzz|bare-machine-check)|\.ci/run)\b' "${pages[@]}" | sed -E 's/:[ `(]/:/' | sort -u)

# Each tool tells what it does, at once, when it is asked.
for tool in tools/* fuzz/find-bugs fuzz/released-logs; do
    case $tool in */coverage-report) continue ;; esac # the others' own
    if [ ! -f "$tool" ] || [ ! -x "$tool" ]; then continue; fi
    told=$(timeout 30 "$tool" --help </dev/null 2>/dev/null) || complain "$tool does not answer to --help"
    grep -q "${tool##*/}" <<<"$told" || complain "$tool --help does not tell of it: $told"
done

# `kaya-wal WORD` in code: a command that answers to --help.
while IFS=: read -r page program word; do
    "$KAYA_BIN/$program" "$word" --help >/dev/null 2>&1 || complain "$page: $program $word is no command"
done < <(awk '
    /^```/ { fence = !fence; next }
    {
        line = $0
        if (!fence) { # code spans only
            spans = ""
            while (match(line, /`[^`]*`/)) {
                spans = spans " ; " substr(line, RSTART + 1, RLENGTH - 2)
                line = substr(line, RSTART + RLENGTH)
            }
            line = spans
        }
        while (match(line, /kaya-(wal|sim) +[a-z]+/)) {
            words = substr(line, RSTART, RLENGTH)
            sub(/ +/, ":", words)
            print FILENAME ":" words
            line = substr(line, RSTART + RLENGTH)
        }
    }' "${pages[@]}" | sort -u)

while IFS=: read -r page link; do
    [ -e "$(dirname "$page")/$link" ] || complain "$page: the link to $link leads nowhere"
done < <(grep -oHE '\]\([^)#: ]+' "${pages[@]}" | sed 's/:\](/:/' | grep -vE ':(https?|mailto)$' | sort -u)

# The words of all code spans and code blocks, and where links lead.
code() { # PAGE
    awk '
        /^```/ { fence = !fence; next }
        fence || /^    / { print; next }
        {
            line = $0
            while (match(line, /`[^`]*`/)) { print substr(line, RSTART + 1, RLENGTH - 2); line = substr(line, RSTART + RLENGTH) }
            while (match($0, /\]\([^)#]+/)) {
                link = substr($0, RSTART + 2, RLENGTH - 2)
                print link, link "/"
                $0 = substr($0, RSTART + RLENGTH)
            }
        }
    ' "$1" | tr -s ' ,:;()' '\n' | sort -u
}

# What people write and run, and no README below ROOM answers for.
answered() { # ROOM
    local below=()
    while read -r page; do
        below+=(! -path "$(dirname "$page")/*")
    done < <(find "$1" -mindepth 2 -name README.md)
    find "$1" -type f \( -name '*.[ch]' -o -perm -u+x \) "${below[@]}" | sort
}

# The page names the file, its own way or by a folder.
is_named() { # FILE ROOM SPOKEN
    local within=${1#"$2"/} wanted folder
    wanted=${1%.*}$'\n'${within%.*}$'\n'$(basename "${within%.*}")
    folder=$(dirname "$within")
    while [ "$folder" != . ]; do
        wanted+=$'\n'$folder/$'\n'${folder##*/}/
        folder=$(dirname "$folder")
    done
    grep -qxF "$wanted" <<<"$3"
}

# Of each README below TOP: the files of its room that it does not name, and what it names and is not there.
names() { # TOP ROOM...
    cd "$1"
    shift
    local there spoken page room file name
    there=$(find . -type f -not -path './build/*' -not -path './.git/*')
    while read -r page; do
        room=$(dirname "$page")
        spoken=$(code "$page" | sed -E 's/\.(c|h|sh)$//')
        while read -r file; do
            is_named "$file" "$room" "$spoken" || echo "$page does not name ${file#"$room"/}"
        done < <(answered "$room")
        while read -r name; do
            grep -qF "/${name##*./}" <<<"$there" || echo "$page names $name, which is not there"
        done < <(code "$page" | grep -E '^[a-z0-9_/.-]*[a-z0-9_]\.(c|h|sh|yaml|patch|py)$')
    done < <(find "$@" -name README.md | sort)
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/room/{part,other,inner}
touch "$work"/room/{named,stem,lost}.c "$work"/room/part/inside.c "$work"/room/other/{apart,lost}.c "$work"/room/inner/{mine,lost}.h
# shellcheck disable=SC2016 # code spans
printf '%s\n' 'lost, `named.c` and `stem`; [part](part), `other/apart.c`, `gone.c`, and `ANY.c`' >"$work/room/README.md"
# shellcheck disable=SC2016
printf '%s\n' '`mine.h`' >"$work/room/inner/README.md"
wanted='room/README.md does not name lost.c
room/README.md does not name other/lost.c
room/README.md names gone.c, which is not there
room/inner/README.md does not name lost.h'
planted=$(names "$work" room)
[ "$planted" = "$wanted" ] || complain "the check of names is blind, it found: $planted"

wrong=$(names "$KAYA_SOURCE" core sim scenarios tools fuzz tests/*/)
[ -z "$wrong" ] || complain "$wrong"
exit "$failures"
