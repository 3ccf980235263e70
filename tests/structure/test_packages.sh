#!/bin/bash
# Goal: what the build, the checks and the tests call is in tools/packages, so that a bare machine gets it.
# Method: ask dpkg which package brings each library that CMake looks for and each command that the scripts call. The
# whole truth is told by tools/bare-machine-check.
set -euo pipefail
cd "$KAYA_SOURCE"
command -v dpkg-query >/dev/null || { echo "not a Debian system"; exit 0; }

failures=0
listed() { # PACKAGE WHAT
    if ! sed 's/#.*//' tools/packages | grep -qx "$1[[:space:]]*"; then
        echo "$2 comes from $1, which tools/packages does not name"
        failures=1
    fi
}
package_of() { dpkg-query --search "$1" 2>/dev/null | sed -n '1s/:.*//p'; }

modules=$(sed -nE 's/.*pkg_check_modules\([^)]* ([a-z0-9.+-]+)\).*/\1/p' CMakeLists.txt ./*/CMakeLists.txt)
[ "$(wc -w <<<"$modules")" -ge 4 ] || { echo "CMakeLists.txt was not understood: $modules"; exit 1; }
for module in $modules; do
    listed "$(package_of "$(pkg-config --variable=pcfiledir "$module")/$module.pc")" "$module"
    for library in $(pkg-config --libs-only-l "$module"); do # it may ask for more than its own package brings
        file=$(realpath --no-symlinks "$("$CC" -print-file-name="lib${library#-l}.so")")
        listed "$(package_of "$file")" "$library of $module"
    done
done

for command in cmake ninja pkg-config gcc g++ clang nm clang-format-14 clang-tidy-14 shellcheck patch strace valgrind \
    aarch64-linux-gnu-gcc s390x-linux-gnu-gcc i686-linux-gnu-gcc qemu-aarch64 qemu-s390x; do
    path=$(command -v "$command") || { echo "$command is not installed"; failures=1; continue; }
    package=$(package_of "$path")
    [ -n "$package" ] || package=$(package_of "$(readlink -f "$path")")
    [ -n "$package" ] || continue # installed by other means
    case $package in
        pkgconf | pkgconf-bin) package=pkg-config ;;
    esac
    listed "$package" "$command"
done
for command in llvm-cov-14 llvm-profdata-14 afl-fuzz afl-clang-fast zip; do # section "full" may not be there
    path=$(command -v "$command") || continue
    package=$(package_of "$path")
    [ -n "$package" ] || package=$(package_of "$(readlink -f "$path")")
    [ -z "$package" ] || listed "$package" "$command"
done
for architecture in arm64 s390x i386; do # what the foreign compilers link
    listed libc6-dev-$architecture-cross "the C library of $architecture"
done

duplicate=$(sed 's/#.*//' tools/packages | awk '/^\[/ { for_itself = $1 == "[bench]"; next } NF && !for_itself { print $1 }' | sort | uniq -d)
[ -z "$duplicate" ] || { echo "named twice in tools/packages: $duplicate"; failures=1; }
exit "$failures"
