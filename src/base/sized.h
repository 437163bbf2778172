/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sized.h - structs of the public interface that begin with their size (sized.c).
 *
 * A program and a library of different releases may know different lengths of one struct. New
 * fields go to its end. 0 in a new field always means the behaviour of the releases before.
 */
#ifndef FLY_SIZED_H
#define FLY_SIZED_H

#include <stddef.h>

/*
 * fly_sized_check() - can a struct of the program be used?
 * @theirs: begins with a size_t: its length as the program knows it.
 * @known: the length that this library knows. @least: a shorter struct is a mistake of the program.
 * @what: the name for fly_error(), as "struct fly_options".
 * Return: 0: not longer than @known, or all zero behind it. Else -FLY_EINVAL, fly_error() is set.
 */
int fly_sized_check(const void *theirs, size_t known, size_t least, const char *what);

/*
 * fly_sized_take() - copy a struct that the program has filled in.
 * @ours: @known bytes. Bytes that the program does not know become 0, the size becomes @known.
 * Untouched on failure.
 * Return: as fly_sized_check().
 */
int fly_sized_take(void *ours, size_t known, size_t least, const void *theirs, const char *what);

/*
 * fly_sized_give() - fill in a struct of the program, which fly_sized_check() has accepted: as many
 * bytes as the program knows. Its size field stays.
 */
void fly_sized_give(void *theirs, const void *ours, size_t known);

/* The length of a struct up to the end of a member. */
#define FLY_SIZED_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

#endif
