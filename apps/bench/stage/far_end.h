/* SPDX-License-Identifier: BSD-3-Clause */
/* far_end.h - `firefly bench --server`. */
#ifndef FIREFLY_BENCH_FAR_END_H
#define FIREFLY_BENCH_FAR_END_H

/* far_end_main() - as those of firefly/commands.h. */
int far_end_main(int argc, char **argv);

#endif
