# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# lib.sh - what the scripts share: words for the person who watches, Debian packages, building.
# Sourced, with the root of the source tree as the current directory; asks nothing, ever.

# shellcheck disable=SC2034  # used by those who source this file
# What a build needs. libdpdk-dev depends on all drivers, vhost, virtio and memif among them.
BUILD_PACKAGES=(gcc libc6-dev meson ninja-build pkgconf flex bison libdpdk-dev libnuma-dev
	libjson-c-dev libmnl-dev libsodium-dev scdoc)
# What the tests need beyond that; the last four are for `firefly bench marshal`, to compare with.
# shellcheck disable=SC2034  # as above
TEST_PACKAGES=(make g++ libcriterion-dev clang llvm libclang-rt-dev clang-format clang-tidy python3
	abigail-tools iproute2 nftables procps strace util-linux mandoc shellcheck spin
	libprotobuf-c-dev protobuf-c-compiler libtirpc-dev rpcsvc-proto
	gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user qemu-system-x86 busybox-static)

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# as_root COMMAND... - run it as root, by sudo if that needs no password. Fails if neither.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n -- "$@" 2>/dev/null
	fi
}

may_be_root() {
	[ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

# missing_packages PACKAGE... - print those that are not installed.
missing_packages() {
	local package

	for package; do
		case $(dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null) in
		?i*) ;;
		*) printf '%s\n' "$package" ;;
		esac
	done
}

# need_packages WHY PACKAGE... - install those of them that are missing.
need_packages() {
	local why=$1 missing
	shift

	if ! command -v dpkg-query >/dev/null; then
		say "This is not Debian: going on with what is there. On Debian 12 it would be: $*"
		return
	fi
	mapfile -t missing < <(missing_packages "$@")
	if [ ${#missing[@]} -eq 0 ]; then
		say "Packages $why: all there."
		return
	fi
	may_be_root || die "not root, and missing $why; as root: apt-get install ${missing[*]}"
	say "Installing $why: ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >/dev/null ||
		die "apt-get update failed; is the network up?"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 install "${missing[@]}" >/dev/null ||
		die "apt-get could not install: ${missing[*]}"
}

# reserve_hugepages N - see that N pages of 2 MiB are free, where that is possible.
reserve_hugepages() {
	local want=$1 dir=/sys/kernel/mm/hugepages/hugepages-2048kB free total

	if [ ! -r $dir/free_hugepages ]; then
		say "No hugepages of 2 MiB on this machine: going on with ordinary pages, which are slower."
		return
	fi
	free=$(<$dir/free_hugepages)
	if [ "$free" -ge "$want" ]; then
		say "Hugepages: $free of 2 MiB are free."
		return
	fi
	if may_be_root; then
		total=$(($(<$dir/nr_hugepages) + want - free))
		say "Hugepages: reserving $((want - free)) more of 2 MiB (nr_hugepages becomes $total)."
		as_root sh -c "echo $total > $dir/nr_hugepages" 2>/dev/null
		free=$(<$dir/free_hugepages)
		[ "$free" -ge "$want" ] || say "Hugepages: only $free are free now; with too few of them" \
			"Firefly takes ordinary pages, which are slower."
	else
		say "Hugepages: $free of 2 MiB are free, and only root can reserve more; with too few of" \
			"them Firefly takes ordinary pages, which are slower."
	fi
}

# configure DIRECTORY [MESON-OPTION]... - set up a build directory, or bring it up to date.
configure() {
	local dir=$1
	shift

	[ ! -e "$dir" ] || [ -w "$dir" ] || die "$PWD/$dir belongs to somebody else; remove it first"
	if [ -e "$dir/build.ninja" ]; then
		meson setup --reconfigure "$dir" "$@" && return
		say "$dir is of another time or place; starting it afresh."
	fi
	rm -rf "$dir" && meson setup "$dir" "$@"
}

# changed_lately PATH... - print the files there that the last 25 commits changed and that are still there. Where
# the history is not known, all files count as changed.
changed_lately() {
	local since

	since=$(git rev-list --max-count=26 HEAD | tail -n +26)
	if [ -n "$since" ]; then
		git diff --name-only --diff-filter=d "$since" -- "$@"
	else
		git ls-files -- "$@"
	fi
}

# public_functions - print the functions that include/firefly declares, sorted, one on a line.
public_functions() {
	local scratch

	scratch=$(mktemp) || return
	(cd include && printf '#include <%s>\n' firefly/*.h) >"$scratch"
	gcc -std=c11 -I include -fsyntax-only -aux-info "$scratch.aux" -x c "$scratch" &&
		sed -n 's,^/\* include/firefly/.* extern .*[ *]\(fly_[a-z0-9_]*\) (.*,\1,p' "$scratch.aux" | sort
	rm -f "$scratch" "$scratch.aux"
}
