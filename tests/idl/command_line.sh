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

# included files: beside the one that includes them, or where -I says; and their headers likewise
mkdir -p types/more 'deep er'
cat >types/address.fly <<'END'
include "more/port.fly";
struct Address { u32 ip; Port port; }
END
echo 'typedef u16 Port;' >types/more/port.fly
cat >'deep er/far.fly' <<'END'
include "address.fly";
interface Far version 1 { P(in Address address); }
END
rm -r out
mkdir out
expect 1 -o out 'deep er/far.fly'
says "deep er/far.fly:1:9: error: cannot read 'address.fly': No such file or directory"
files out
expect 1 -o out -I nowhere -I types/more 'deep er/far.fly' && says "cannot read 'address.fly'"
expect 0 -o out -I nowhere -I types 'deep er/far.fly' && files out far.h far_client.c far_server.c
expect 0 -o out --include=types/ --header 'deep er/far.fly'
grep -qx '#include "address.h"' out/far.h || fail "far.h does not include address.h"
expect 0 -o out --header --depfile=out/d -Itypes 'deep er/far.fly'
cat >wanted <<'END'
out/far.h: deep\ er/far.fly types/address.fly types/more/port.fly
types/address.fly:
types/more/port.fly:
END
diff wanted out/d || fail "depfile with includes"
files out d far.h
# the directory of the including file comes first
echo 'struct Address { bool wrong; }' >'deep er/address.fly'
expect 0 -o out --header -I types 'deep er/far.fly'
grep -q 'Far_P_ARGUMENT_BYTES = 1,' out/far.h || fail "-I comes before the directory of the file"
rm 'deep er/address.fly' out/*
# by an absolute name, and twice the same file by different names
cat >twice.fly <<END
include "$scratch/types/address.fly";
include "types/../types/address.fly";
interface Twice version 1 { P(in Address address); }
END
expect 0 -o out twice.fly && files out twice.h twice_client.c twice_server.c

# includes that lead back, and ones that are no interface files
echo 'include "cycle.fly"; interface C version 1 { P(); }' >cycle.fly
expect 1 -o out cycle.fly && says "cycle.fly:1:9: error: 'cycle.fly' is included by itself"
echo 'include "b.fly";' >a.fly
echo 'include "a.fly"; struct B { u8 b; }' >b.fly
expect 1 -o out a.fly && says "b.fly:1:9: error: 'a.fly' is included by itself"
echo 'include "types";' >a.fly
expect 1 -o out a.fly && says "a.fly:1:9: error: cannot read 'types': Is a directory"
echo 'struct B { u8 b }' >b.fly
echo 'include "b.fly"; interface A version 1 { P(); }' >a.fly
expect 1 -o out a.fly && says "b.fly:1:17: error: expected"
files out

# a file without an interface is a header and nothing else
expect 0 -o out types/address.fly && files out address.h
expect 0 -o out --header types/more/port.fly && files out port.h
expect 1 -o out --client types/address.fly && says 'types/address.fly: there is no interface in it'
expect 1 -o out --header --server types/address.fly && says 'there is no interface in it'
expect 1 -o out --skeleton types/address.fly && says 'there is no interface in it'
files out

# two headers that differ in the case of a name only do not hide each other
echo 'interface Case version 1 { P(); }' >case.fly
echo 'interface CASE version 1 { P(); }' >upper.fly
expect 0 -o out --header case.fly
expect 0 -o out --header upper.fly
[ "$(grep -h '^#ifndef.*_H' out/case.h out/upper.h | sort -u | wc -l)" -eq 2 ] || fail "one guard for two"
files out case.h upper.h

# a skeleton is written once
expect 0 -o out --skeleton t.fly && [ -s out/t_skeleton.c ] || fail "no skeleton"
echo mine >out/t_skeleton.c
expect 1 -o out --skeleton t.fly && says 'out/t_skeleton.c exists'
expect 1 -o out --header --skeleton t.fly
[ "$(cat out/t_skeleton.c)" = mine ] || fail "the skeleton was overwritten"
files out t_skeleton.c
expect 0 -o out t.fly && files out t.h t_client.c t_server.c

# --check-against: what it says, and that nothing is written but what is asked for
cat >old.fly <<'END'
interface T version 1 { P(in u32 a); }
END
cat >new.fly <<'END'
interface T version 1 { P(in u32 b); Q(); }
END
cat >other.fly <<'END'
interface T version 1 { P(in u64 a); }
END
expect 0 -o out --check-against old.fly new.fly
says 'programs built from old.fly and from new.fly can talk with each other'
files out
expect 0 -o out --check-against=old.fly --header new.fly && files out new.h
expect 1 -o out --check-against old.fly --header other.fly
says "other.fly:1:34: error: 'a' of 'P' has another layout"
files out
expect 1 --check-against nowhere.fly new.fly && says 'nowhere.fly: No such file or directory'
expect 1 --check-against bad.fly new.fly && says 'bad.fly:1:29: error'
expect 1 --check-against old.fly types/address.fly && says 'there is no interface in'
expect 1 --check-against types/address.fly new.fly && says 'there is no interface in'
# what the old one includes is found from where it is
mkdir older
echo 'include "address.fly"; interface Far version 1 { P(in Address a); }' >older/far.fly
echo 'struct Address { u32 a; u16 b; }' >older/address.fly
expect 0 -I types --check-against older/far.fly 'deep er/far.fly'

# permissions follow the umask
(umask 027 && "$fireflyc" -o out --header t.fly)
[ "$(stat -c %a out/t.h)" = 640 ] || fail "permissions: $(stat -c %a out/t.h)"

[ $failed -eq 0 ] && echo "the command line does what it says"
