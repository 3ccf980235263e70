#!/bin/sh
# oss-fuzz-build.sh: builds every fuzz target as OSS-Fuzz's containers call a project's build script.
#
#   CC, CXX, CFLAGS, CXXFLAGS   compilers, and the sanitizer's and coverage's options: taken as they are
#   LIB_FUZZING_ENGINE          what is linked to each target; default: -fsanitize=fuzzer
#   SANITIZER                   "memory": with checksums of our own, and without the targets that need uninstrumented parsers
#   SRC, WORK, OUT              this tree is $SRC/kaya-wal, or where this script stands; $WORK is for objects; into $OUT go
#
#   $OUT/NAME, $OUT/NAME_seed_corpus.zip, $OUT/NAME.dict where there is one, $OUT/NAME.options
#
# What others made is linked statically: targets run where only they and the C library are.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
[ -z "${SRC-}" ] || [ ! -d "$SRC/kaya-wal/fuzz" ] || here=$(cd "$SRC/kaya-wal" && pwd)
: "${OUT:?where the targets go}"
work=${WORK:-$(mktemp -d)}/kaya-wal
engine=${LIB_FUZZING_ENGINE:--fsanitize=fuzzer}
export CC="${CC:-clang}" CXX="${CXX:-clang++}"
sanitize=
[ "${SANITIZER-}" != memory ] || sanitize=memory

mkdir -p "$OUT" "$work"
cmake -S "$here" -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=None -DKAYA_FUZZ=ON -DKAYA_FUZZ_ENGINE="$engine" \
    -DKAYA_SANITIZE="$sanitize" -DKAYA_STATIC_LIBRARIES=ON -DKAYA_ISAL=OFF -DKAYA_TESTS=OFF
cmake --build "$work" --parallel "$(nproc)" --target fuzz-targets

# As many bytes as the longest input has that is checked in; what the engine makes stays below.
longest() { # FOLDER...
    find "$@" -type f -size +0 -exec wc -c {} \; | awk '$1 > n { n = $1 } END { print n + 0 }'
}

grep -vx canary "$work/fuzz/targets" >"$work/wanted" # that one has a bug on purpose
while read -r name; do
    program=fuzz-$(echo "$name" | tr _ -)
    inputs=$work/inputs/$name
    rm -rf "$inputs"
    mkdir -p "$inputs"
    "$work/bin/$program-seeds" "$inputs"
    for folder in "$here/fuzz/corpus/$name" "$here/fuzz/regressions/$name"; do
        [ ! -d "$folder" ] || find "$folder" -type f -exec cp {} "$inputs" \;
    done
    cp "$work/bin/$program" "$OUT/$name"
    rm -f "$OUT/${name}_seed_corpus.zip"
    (cd "$inputs" && zip -q -r "$OUT/${name}_seed_corpus.zip" .)
    [ ! -f "$here/fuzz/$name.dict" ] || cp "$here/fuzz/$name.dict" "$OUT/$name.dict"
    {
        echo "[libfuzzer]"
        echo "entropic = 0"
        [ "$name" != run ] || echo "reduce_inputs = 0"
        echo "max_len = $(($(longest "$inputs") * 2 + 4096))"
        [ ! -f "$OUT/$name.dict" ] || echo "dict = $name.dict"
    } >"$OUT/$name.options"
done <"$work/wanted"
echo "$(wc -l <"$work/wanted") targets are in $OUT"
