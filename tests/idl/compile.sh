#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# compile.sh FIREFLYC INCLUDE - is what fireflyc writes for golden/*.fly free of warnings, as C11
# and as C++17 (skeletons: as C11), for each of gcc and clang that is installed? And is no line too
# long?
set -u
fireflyc=$(realpath "$1")
# As a system header, which it is where it is installed: warnings here are about generated code.
include=$(realpath "$2")
cd "$(dirname "$0")" || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

"$fireflyc" --version || exit 1
for file in golden/*.fly; do
	"$fireflyc" -o "$scratch" "$file" || exit 1
	! grep -q '^interface' "$file" || "$fireflyc" -o "$scratch" --skeleton "$file" || exit 1
done
cd "$scratch" || exit 1
for header in *.h; do
	echo "#include \"$header\"" >"only_${header%.h}.c"
	echo "#include \"$header\"" >>"only_${header%.h}.c"
done

# jobs COMPILER LANGUAGE STANDARD [FLAG...] - one compilation for each line that is printed
jobs() {
	command -v "$1" >/dev/null || return
	compiler=$1 language=$2 standard=$3
	shift 3
	for file in *.c; do
		case $language/$file in c++/*_skeleton.c) continue ;; esac
		echo "$compiler -x $language -std=$standard $* -Wall -Wextra -Wconversion -Wshadow" \
			"-Werror -isystem $include -c $file -o /dev/null"
	done
}

# Only gcc has warnings that come from its optimizer. g++ has no -Wmissing-prototypes: in C++ it would
# not mean anything.
{
	jobs gcc c c11 -O2 -Wpedantic -Wmissing-prototypes
	jobs clang c c11 -fsyntax-only -Wpedantic -Wmissing-prototypes
	jobs g++ c++ c++17 -fsyntax-only
	jobs clang++ c++ c++17 -fsyntax-only -Wmissing-prototypes
} >jobs
[ -s jobs ] || { echo "no compiler"; exit 77; }
xargs -P 2 -d '\n' -n 1 sh -c <jobs || exit 1
echo "$(wc -l <jobs) compilations without a warning"

# names.fly has names so long that a line must be; and so has a comment that is one word
long=$(expand -t 8 $(ls *.h *_client.c *_server.c *_skeleton.c | grep -v ^names) | awk 'length > 100 && !/^ [*] [^ ]*$/')
[ -z "$long" ] || { echo "lines longer than 100 columns:"; echo "$long"; exit 1; }
