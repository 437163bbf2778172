#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# golden.sh FIREFLYC [--update] - what fireflyc writes for golden/*.fly, and what it says about
# errors/*.fly, compared with the files beside them. --update makes these files what it writes now.
# What errors/NAME.fly is compared with by --check-against is errors/NAME.old, if there is that.
set -u
fireflyc=$(realpath "$1")
update=${2:-}
cd "$(dirname "$0")" || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0
compared=0

# compare EXPECTED WRITTEN
compare() {
	compared=$((compared + 1))
	if [ "$update" = --update ]; then
		cp "$2" "$1"
	elif ! diff -u "$1" "$2"; then
		failed=$((failed + 1))
	fi
}

for file in golden/*.fly; do
	name=$(basename "$file" .fly)
	mkdir "$scratch/$name"
	if ! "$fireflyc" -o "$scratch/$name" "$file"; then
		echo "$file: fireflyc failed"
		failed=$((failed + 1))
		continue
	fi
	# a header only, if there is no interface in it
	for written in "$scratch/$name"/*; do
		compare "golden/$(basename "$written")" "$written"
	done
done

rm -rf "${scratch:?}"/*
for file in errors/*.fly; do
	name=$(basename "$file" .fly)
	old=
	if [ -e "errors/$name.old" ]; then
		cp "errors/$name.old" "$scratch/old.fly"
		old=--check-against=$scratch/old.fly
	fi
	"$fireflyc" ${old:+"$old"} -o "$scratch" "$file" >"$scratch/messages" 2>&1
	status=$?
	if [ $status -ne 1 ]; then
		echo "$file: exit code $status instead of 1"
		failed=$((failed + 1))
	fi
	if [ -e "$scratch/$name.h" ]; then
		echo "$file: has errors, and yet there is output"
		failed=$((failed + 1))
	fi
	compare "errors/$name.txt" "$scratch/messages"
done

echo "$compared files compared, $failed failures"
[ $failed -eq 0 ]
