#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# replay.sh SIM - a seed's run is the same, byte for byte, whatever ran before it in the process, and
# wherever in memory things are: each mix twice, once behind others and once alone.
set -eu
sim=$1
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

"$sim" --seeds 50-74 --calls 200 --trace >"$scratch/together"
for seed in {50..74}; do
	MALLOC_PERTURB_=$seed "$sim" --seed "$seed" --calls 200 --trace
done >"$scratch/alone"
[ "$(grep -c 'is over' "$scratch/alone")" = 25 ]
[ "$(wc -l <"$scratch/alone")" -gt 10000 ]
cmp "$scratch/together" "$scratch/alone"
