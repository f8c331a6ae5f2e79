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
# Two minutes before the time limit, and on `scancel --batch --signal=USR1 JOB`, the ranks write a checkpoint at their
# next step and end with status 75. Submit the same line again to go on; finished trials are not run again.
set -u
[ $# -ge 1 ] || { echo "usage: sbatch slurm/sweep.sh STUDY.toml [runner options]" >&2; exit 2; }
runner=${RUNNER:-${SLURM_SUBMIT_DIR:-.}/build/runner}

# One compute thread a core that Slurm gave to the rank; torch and OpenMP read it.
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

# --kill-on-bad-exit: a lost rank ends the others at once instead of leaving them to wait for it.
srun --mpi=pmix --kill-on-bad-exit=1 "$runner" --sweep "$@" &
step=$!

# The batch shell gets the signal; srun passes it on to every rank. A trap runs only once `wait` was interrupted.
trap 'kill -USR1 "$step"' USR1
trap 'kill -TERM "$step"' TERM
while :; do
  wait "$step"
  status=$?
  kill -0 "$step" 2>/dev/null || break
done
exit "$status"
