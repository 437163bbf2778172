/* SPDX-License-Identifier: BSD-3-Clause */
/* test_socket_access.c - mode, owner and group of a socket and its lock file. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <firefly/status.h>

#include "host/socket_access.h"
#include "patience.h"

static struct fly_link_spec spec;
static struct fly_socket_access access_to;
static char path[64];
static char second[80];

static int find(const char *text)
{
	cr_assert(fly_link_spec_parse(text, &spec) == 0, "%s", fly_error());
	return fly_socket_access_find(&spec, &access_to);
}

static struct stat made(void)
{
	struct stat st = {0};

	snprintf(path, sizeof path, "/tmp/firefly-access-%d", (int)getpid());
	snprintf(second, sizeof second, "%s.2", path);
	close(open(path, O_CREAT | O_RDWR | O_EXCL, 0600));
	cr_assert(stat(path, &st) == 0);
	return st;
}

static void end(void)
{
	unlink(path);
	unlink(second);
}

TestSuite(socket_access, .timeout = HANG, .fini = end);

Test(socket_access, fly_socket_access_find__names_and_numbers)
{
	cr_expect(find("vhost:/s,server") == 0);
	cr_expect(access_to.mode == -1 && access_to.owner == (uid_t)-1 &&
		  access_to.group == (gid_t)-1);
	cr_expect(find("vhost:/s,server,mode=640,owner=root,group=root") == 0);
	cr_expect(access_to.mode == 0640 && access_to.owner == 0 && access_to.group == 0);
	cr_expect(find("vhost:/s,server,owner=1234,group=4321") == 0);
	cr_expect(access_to.owner == 1234 && access_to.group == 4321);
}

Test(socket_access, fly_socket_access_find__nobody_of_that_name)
{
	cr_expect(find("vhost:/s,server,owner=no-such-user") == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "there is no user no-such-user") != NULL, "%s", fly_error());
	cr_expect(find("vhost:/s,server,group=no-such-group") == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "there is no group no-such-group") != NULL, "%s",
		  fly_error());
	cr_expect(find("vhost:/s,server,owner=99999999999") == -FLY_EINVAL);
}

/* In a process without a descriptor for the list of users: "no such user" would be a lie. */
Test(socket_access, fly_socket_access_find__a_list_that_cannot_be_read)
{
	struct rlimit none;
	struct rlimit most;
	int status;

	cr_assert(getrlimit(RLIMIT_NOFILE, &most) == 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = most.rlim_max};
	cr_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
	status = find("vhost:/tmp/x,server,owner=nobody");
	cr_assert(setrlimit(RLIMIT_NOFILE, &most) == 0);
	cr_expect(status == -FLY_ESYSTEM, "%d", status);
	cr_expect(strstr(fly_error(), "cannot be looked up: Too many open files") != NULL, "%s",
		  fly_error());
}

Test(socket_access, fly_socket_access_give__what_was_asked_for)
{
	struct stat st = made();

	cr_expect(find("vhost:/s,server") == 0 && fly_socket_access_give(&access_to, path) == 0);
	cr_expect(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	cr_expect(find("vhost:/s,server,mode=466") == 0);
	cr_expect(fly_socket_access_give(&access_to, path) == 0, "%s", fly_error());
	cr_expect(stat(path, &st) == 0 && (st.st_mode & 07777) == 0466);
	if (geteuid() != 0)
		cr_skip("only root gives files away");
	cr_expect(find("vhost:/s,server,owner=1234,group=4321") == 0);
	cr_expect(fly_socket_access_give(&access_to, path) == 0, "%s", fly_error());
	cr_expect(stat(path, &st) == 0 && st.st_uid == 1234 && st.st_gid == 4321);
	cr_expect((st.st_mode & 07777) == 0466);
}

Test(socket_access, fly_socket_access_give__not_through_a_link)
{
	struct stat st = made();

	cr_assert(symlink(path, second) == 0);
	cr_expect(find("vhost:/s,server,mode=666") == 0);
	cr_expect(fly_socket_access_give(&access_to, second) == -FLY_ESYSTEM);
	cr_expect(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
}

Test(socket_access, fly_socket_access_give__only_root_gives_away)
{
	made();
	if (geteuid() == 0)
		cr_assert(chown(path, 65534, 65534) == 0 && seteuid(65534) == 0);
	cr_expect(find("vhost:/s,server,owner=0") == 0);
	cr_expect(fly_socket_access_give(&access_to, path) == -FLY_EPERM);
	cr_expect(strstr(fly_error(), "cannot be changed") != NULL, "%s", fly_error());
	if (getuid() == 0)
		cr_assert(seteuid(0) == 0);
}
