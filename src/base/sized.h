/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sized.h - structs that cross the public interface and begin with their size (sized.c).
 *
 * A program and a library of different releases may know different lengths of one struct. New
 * fields go to its end, and 0 in a field always means what was done before there was that field.
 */
#ifndef FLY_SIZED_H
#define FLY_SIZED_H

#include <stddef.h>

/*
 * fly_sized_check() - can a struct of a program's be used?
 * @theirs: begins with a size_t, which says how long the program believes it to be.
 * @known: bytes that this library knows. @least: fewer are a mistake of the program's.
 * @what: for the sentence, as "struct fly_options".
 * Return: 0: as long as this library's, or shorter, or longer and 0 in what is not known here. Else
 * -FLY_EINVAL with a sentence.
 */
int fly_sized_check(const void *theirs, size_t known, size_t least, const char *what);

/*
 * fly_sized_take() - a copy of a struct that a program has filled in.
 * @ours: @known bytes, of which those that the program does not know are made 0, and the size
 * @known. Untouched on failure. Return: as fly_sized_check().
 */
int fly_sized_take(void *ours, size_t known, size_t least, const void *theirs, const char *what);

/*
 * fly_sized_give() - fill in a struct of a program's, which fly_sized_check() has accepted, as far
 * as the program knows it. Its size stays as it is.
 */
void fly_sized_give(void *theirs, const void *ours, size_t known);

/* The bytes of a struct up to the end of a member. */
#define FLY_SIZED_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

#endif
