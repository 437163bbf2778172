#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# big_endian.sh FIREFLYC INCLUDE - what knows nothing of DPDK, on a big-endian machine: s390x, by a
# cross compiler and an emulator. The bytes of calls and of errors are those of docs/encoding.md
# there too, random interfaces come through, and the stub compiler itself, run there, writes the
# same files and says the same words.
set -u
fireflyc=$(realpath "$1")
include=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
src=$(realpath "$here/../../src")
cc=s390x-linux-gnu-gcc
emulator=qemu-s390x
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

for program in $cc $emulator; do
	command -v $program >/dev/null || { echo "no $program"; exit 77; }
done
echo 'int main(void) { return 0; }' >"$scratch/nothing.c"
$cc -static "$scratch/nothing.c" -o "$scratch/nothing" && $emulator "$scratch/nothing" ||
	{ echo "no C library for $cc"; exit 77; }

failed=0
part() {
	echo "$1"
	shift
	"$@" || { echo "FAILED"; failed=$((failed + 1)); }
}

test_raise() {
	$cc -static -std=c17 -D_GNU_SOURCE -O1 -I "$include" -I "$src" "$here/../test_raise.c" \
		"$src/marshal/raise.c" -o "$scratch/test_raise" && $emulator "$scratch/test_raise"
}

compile_fireflyc() {
	idl=$src/marshal/idl
	flex --outfile="$scratch/lexer.c" "$idl/lexer.l" &&
		bison --header="$scratch/grammar.h" --output="$scratch/grammar.c" "$idl/grammar.y" &&
		$cc -static -std=c17 -D_GNU_SOURCE -O0 -I "$scratch" -I "$idl" -I "$include" -I "$src" \
			"$scratch/lexer.c" "$scratch/grammar.c" "$idl"/*.c \
			"$src/../apps/fireflyc/main.c" -o "$scratch/fireflyc.s390x" || return
	printf '#!/bin/sh\nexec %s %s "$@"\n' $emulator "$scratch/fireflyc.s390x" >"$scratch/fireflyc"
	chmod +x "$scratch/fireflyc"
}

part "errors from anywhere" test_raise
part "bytes of calls" env CC=$cc CFLAGS=-static RUN=$emulator "$here/bytes.sh" "$fireflyc" "$include"
part "random interfaces" "$here/roundtrip.py" --fireflyc "$fireflyc" --include "$include" \
	--cc $cc --no-sanitizers --flag=-static --run $emulator --interfaces 25
part "the stub compiler" compile_fireflyc
part "what it writes and says" "$here/golden.sh" "$scratch/fireflyc"
[ $failed -eq 0 ]
