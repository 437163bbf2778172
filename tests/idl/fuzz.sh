#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# fuzz.sh SOURCE-ROOT [SECONDS] - build fuzz_idl with clang, AddressSanitizer, LeakSanitizer and
# UndefinedBehaviorSanitizer, run it over its corpus, and then for a while (default 5 seconds) over
# what it makes of it. New inputs go nowhere; one that fails stays in the current directory.
set -u
root=$(realpath "$1")
seconds=${2:-5}
command -v clang >/dev/null || { echo "no clang"; exit 77; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

idl=$root/src/marshal/idl
flex --outfile="$scratch/lexer.c" "$idl/lexer.l" || exit 1
bison --header="$scratch/grammar.h" --output="$scratch/grammar.c" "$idl/grammar.y" || exit 1
printf '%s\n' "$scratch/lexer.c" "$scratch/grammar.c" "$idl"/*.c "$root/tests/fuzz_idl.c" |
	xargs -P 2 -I FILE sh -c 'clang -std=c17 -g1 -O1 \
		-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
		-I "$1" -I "$2" -I "$3" -I "$3/../src" -c "$4" -o "$1/$(basename "$4").o"' \
		sh "$scratch" "$idl" "$root/include" FILE || exit 1
clang -fsanitize=fuzzer,address,undefined "$scratch"/*.o -o "$scratch/fuzz_idl" || exit 1

"$scratch/fuzz_idl" -runs=0 "$root/tests/corpus/idl" 2>&1 | tail -n 1
mkdir "$scratch/new"
if ! "$scratch/fuzz_idl" -max_total_time="$seconds" -max_len=1024 -timeout=10 \
	-print_final_stats=1 "$scratch/new" "$root/tests/corpus/idl" 2>"$scratch/log"; then
	tail -n 60 "$scratch/log"
	exit 1
fi
grep -E 'number_of_executed_units|peak_rss' "$scratch/log"
