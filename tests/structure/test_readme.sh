#!/bin/bash
# Goal: what the READMEs tell people to type is there, and every link leads somewhere.
# Method: collect scripts, programs with their first word, and relative links out of every .md.
set -euo pipefail
cd "$KAYA_SOURCE"
failures=0
complain() { echo "$*"; failures=1; }

mapfile -t pages < <(find . -name '*.md' -not -path './build/*' -not -path './.git/*' | sort)
[ "${#pages[@]}" -gt 0 ] || { echo "no page found"; exit 1; }

while IFS=: read -r page script; do
    [ -x "$script" ] || complain "$page: $script cannot be run"
done < <(grep -oHE '(^|[ `(])(tools/(run|test|setup|check|fuzz|bare-machine-check)|\.ci/run)\b' "${pages[@]}" | sed -E 's/:[ `(]/:/' | sort -u)

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
exit "$failures"
