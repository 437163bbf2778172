/* SPDX-License-Identifier: BSD-3-Clause */
/* resident.c - see resident.h. */
#include "base/resident.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

void fly_resident_make(void)
{
	struct link_map *object = NULL;
	Dl_info unused;

	if (!dladdr1((void *)(uintptr_t)fly_resident_make, &unused, (void **)&object,
		     RTLD_DL_LINKMAP) ||
	    !object || !object->l_name[0]) /* the program itself */
		return;
	/* Opening it once more changes its flags; the handle is not needed. */
	dlopen(object->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
