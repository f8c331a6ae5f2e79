#!/usr/bin/env bash
#SBATCH --job-name=medsweep
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=1
#SBATCH --time=08:00:00
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
#
# sbatch [sbatch options] slurm/sweep.sh STUDY.toml [runner options]
#
# The options above are defaults: sbatch's own win (--ntasks=32 --time=24:00:00 --partition=long).
# RUNNER names the binary (build/runner of the submit folder otherwise).
#
# Two minutes before the time limit, and on `scancel --batch --signal=USR1 JOB`, the ranks write a
# checkpoint at their next step and end with status 75. Submit the same line again to go on; finished
# trials are not run again.
set -u
[ $# -ge 1 ] || { echo "usage: sbatch slurm/sweep.sh STUDY.toml [runner options]" >&2; exit 2; }
runner=${RUNNER:-${SLURM_SUBMIT_DIR:-.}/build/runner}

# One compute thread a core that Slurm gave to the rank; torch and OpenMP read it.
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

# A lost rank ends the others (PMIx tells them, --wait is the last resort), but a rank that ends with
# 75 does not: --kill-on-bad-exit would kill those that end a moment later, and their status with them.
srun --mpi=pmix --kill-on-bad-exit=0 --wait=30 "$runner" --sweep "$@" &
step=$!

# The batch shell gets the signal; srun passes it on to every rank. A signal interrupts `wait`, which
# is then asked again: the status that counts is the step's.
trap 'signalled=1; kill -USR1 "$step"' USR1
trap 'signalled=1; kill -TERM "$step"' TERM
signalled=1
while [ -n "$signalled" ]; do
  signalled=
  wait "$step"
  status=$?
done
exit "$status"
