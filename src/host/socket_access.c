/* SPDX-License-Identifier: BSD-3-Clause */
/* socket_access.c - see socket_access.h. Called by port.c. No DPDK. */
#include "host/socket_access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/error.h"

#define ENTRY_BYTES (1U << 20) /* of a user or a group; a group lists its members */

static bool is_number(const char *text, unsigned *number)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	*number = (unsigned)n;
	return *end == '\0' && errno == 0 && n < UINT_MAX;
}

/* @error: why nothing was found; 0: there is none of that name. */
static int not_found(const struct fly_link_spec *spec, const char *what, const char *name,
		     int error)
{
	if (error != 0 && error != ENOENT && error != ESRCH)
		return fly_fail(FLY_ESYSTEM, "link %s: %s %s cannot be looked up: %s", spec->text,
				what, name, strerror(error));
	return fly_fail(FLY_EINVAL, "link %s: there is no %s %s", spec->text, what, name);
}

int fly_socket_access_find(const struct fly_link_spec *spec, struct fly_socket_access *access)
{
	char *entry = malloc(ENTRY_BYTES);
	struct passwd user;
	struct passwd *user_found = NULL;
	struct group group;
	struct group *group_found = NULL;
	int status = 0;
	int error;

	if (!entry)
		return fly_fail(FLY_ENOMEM, "link %s: out of memory", spec->text);
	*access = (struct fly_socket_access){spec->mode, (uid_t)-1, (gid_t)-1};
	if (spec->owner[0] && !is_number(spec->owner, &access->owner)) {
		error = getpwnam_r(spec->owner, &user, entry, ENTRY_BYTES, &user_found);
		if (user_found)
			access->owner = user.pw_uid;
		else
			status = not_found(spec, "user", spec->owner, error);
	}
	if (status == 0 && spec->group[0] && !is_number(spec->group, &access->group)) {
		error = getgrnam_r(spec->group, &group, entry, ENTRY_BYTES, &group_found);
		if (group_found)
			access->group = group.gr_gid;
		else
			status = not_found(spec, "group", spec->group, error);
	}
	free(entry);
	return status;
}

static int give(const struct fly_socket_access *access, int fd)
{
	char itself[32];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	if (!S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	if ((access->owner != (uid_t)-1 || access->group != (gid_t)-1) &&
	    fchownat(fd, "", access->owner, access->group, AT_EMPTY_PATH) != 0)
		return -1;
	snprintf(itself, sizeof itself, "/proc/self/fd/%d", fd); /* fchmod(2) refuses O_PATH */
	return access->mode >= 0 ? chmod(itself, (mode_t)access->mode) : 0;
}

int fly_socket_access_give(const struct fly_socket_access *access, const char *path)
{
	const bool nothing =
		access->mode < 0 && access->owner == (uid_t)-1 && access->group == (gid_t)-1;
	const int fd = nothing ? -1 : open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int error;

	if (nothing)
		return 0;
	error = fd < 0 || give(access, fd) != 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (error == 0)
		return 0;
	return fly_fail(error == EPERM || error == EACCES ? FLY_EPERM : FLY_ESYSTEM,
			"%s: mode, owner and group cannot be changed: %s", path, strerror(error));
}
