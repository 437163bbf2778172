#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# bytes.sh FIREFLYC INCLUDE [--update] - what do calls carry? Builds each golden/NAME_calls.c with the
# stubs of golden/NAME.fly and compares what it prints with golden/NAME.bytes. Those were written by
# hand after docs/encoding.md, but for long ones; --update makes them what is printed now, and then
# somebody has to do that again.
#
# CC, CFLAGS and RUN, the program that runs them, are for other machines than this one.
set -u
fireflyc=$(realpath "$1")
include=$(realpath "$2")
update=${3:-}
cc=${CC:-gcc}
flags=${CFLAGS--fsanitize=address,undefined -fno-sanitize-recover=all}
cd "$(dirname "$0")" || exit 1
src=$(realpath ../../src)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
command -v "$cc" >/dev/null || { echo "no $cc"; exit 77; }

flags="-std=c17 -D_GNU_SOURCE -g1 -O0 -Wall -Wextra $flags -I $scratch -I $include -I $src -I ."
for file in bytes.c loopback.c "$src/marshal/raise.c"; do
	$cc $flags -c "$file" -o "$scratch/common_$(basename "$file" .c).o" || exit 1
done
for file in golden/*.fly; do
	"$fireflyc" -o "$scratch" "$file" || exit 1
done

# show NAME - build its program, and put what it prints into NAME.said
cat >"$scratch/show" <<END
$cc $flags golden/\$1_calls.c $scratch/\$1_client.c $scratch/\$1_server.c $scratch/common_*.o \
	-o $scratch/\$1 || exit 1
${RUN:-} $scratch/\$1 >$scratch/\$1.said 2>&1 || { cat $scratch/\$1.said; exit 1; }
END
ls golden/*_calls.c | sed 's,golden/\(.*\)_calls.c,\1,' >"$scratch/names"
xargs -P 2 -n 1 sh "$scratch/show" <"$scratch/names" || exit 1

failed=0
while read -r name; do
	if [ "$update" = --update ]; then
		cp "$scratch/$name.said" "golden/$name.bytes"
	elif ! diff -u "golden/$name.bytes" "$scratch/$name.said"; then
		failed=$((failed + 1))
	fi
done <"$scratch/names"
echo "$(cat golden/*.bytes | grep -c '^[^ ]') calls of $(wc -l <"$scratch/names") interfaces, $failed failures"
[ $failed -eq 0 ]
