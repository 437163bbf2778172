#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# command_line.sh FIREFLYC - options, exit codes, and which files are there afterwards.
set -u
fireflyc=$(realpath "$1")
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0

# expect STATUS ARGUMENT... - its output goes to the file `said`
expect() {
	wanted=$1
	shift
	"$fireflyc" "$@" >said 2>&1
	status=$?
	[ $status -eq "$wanted" ] || fail "fireflyc $*: exit code $status instead of $wanted"
}

fail() {
	echo "$*"
	[ ! -s said ] || sed 's/^/    /' said
	failed=1
}

# files DIRECTORY NAME... - exactly these files are there, and then no longer
files() {
	directory=$1
	shift
	there=$(cd "$directory" && ls -A | tr '\n' ' ')
	[ "$there" = "${*:+$* }" ] || fail "in $directory: '$there' instead of '$*'"
	rm -f "$directory"/*
}

says() {
	grep -qF -e "$1" said || fail "does not say '$1'"
}

echo 'interface T version 1 { P(); }' >t.fly
echo 'interface T version 1 { P() }' >bad.fly
mkdir out

expect 0 -o out t.fly && files out t.h t_client.c t_server.c
expect 0 -o out/ --header t.fly && files out t.h
expect 0 --output=out --client t.fly && files out t_client.c
expect 0 -o out --server --header ./t.fly && files out t.h t_server.c
expect 0 t.fly
[ -f t.h ] && [ -f t_client.c ] && [ -f t_server.c ] || fail "nothing in the current directory"
rm -f t.h t_client.c t_server.c

expect 0 --help && says '--depfile=FILE' && says 'NAME.fly'
expect 0 --version && says 'fireflyc '
expect 2 && says 'which interface file?'
expect 2 t.fly t.fly && says 'one interface file at a time'
expect 2 --frobnicate t.fly
expect 1 missing.fly && says 'missing.fly: No such file or directory'
expect 1 out && says 'ends in .fly'
expect 1 .fly && says 'ends in .fly'
mkdir directory.fly
expect 1 directory.fly && says 'directory.fly: Is a directory'
cp t.fly 'a"b.fly'
expect 1 'a"b.fly' && says 'only letters'
expect 1 -o nowhere t.fly && says 'nowhere/t.h: No such file or directory'

expect 1 -o out bad.fly && says "bad.fly:1:29: error: expected an attribute, '->', ';' or '=', found '}'"
files out

# the dependencies, as make reads them
mkdir 'a dir'
cp t.fly 'a dir/t.fly'
expect 0 -o out --header --server --depfile out/t.d 'a dir/t.fly'
[ "$(cat out/t.d)" = 'out/t.h out/t_server.c: a\ dir/t.fly' ] || fail "depfile: $(cat out/t.d)"
files out t.d t.h t_server.c

# the last of three files cannot be written: none is left half-written, no temporary file stays
expect 0 -o out t.fly
sed 's/P()/Q()/' t.fly >new && mv new t.fly
rm out/t_server.c
mkdir out/t_server.c out/t_server.c/full
expect 1 -o out t.fly && says 'out/t_server.c'
for file in out/*; do
	case $file in
	out/t.h | out/t_client.c | out/t_server.c) ;;
	*) fail "$file is left behind" ;;
	esac
done
grep -q 'endif' out/t.h || fail "out/t.h is not complete"

# no room for a single byte: what was there stays as it was
rm -r out
mkdir out
expect 0 -o out t.fly
cp -r out before
sed 's/Q()/R()/' t.fly >new && mv new t.fly
# a pipe, because the limit is one on files
(
	trap '' XFSZ
	ulimit -f 0
	"$fireflyc" -o out t.fly 2>&1
	echo "exit code $?"
) | cat >said
says 'out/t.h: File too large' && says 'exit code 1'
diff -r before out || fail "what was there has changed"

# permissions follow the umask
(umask 027 && "$fireflyc" -o out --header t.fly)
[ "$(stat -c %a out/t.h)" = 640 ] || fail "permissions: $(stat -c %a out/t.h)"

[ $failed -eq 0 ] && echo "the command line does what it says"
