#!/usr/bin/env bash
# slurm/sweep.sh on a real Slurm of two nodes: a sweep runs, stops on a signal with status 75, goes on
# when submitted again; Ctrl-C under srun stops it likewise; a lost rank ends the job.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
for program in munged slurmctld slurmd sbatch unshare jq; do
  PATH=$PATH:/usr/sbin command -v $program >/dev/null ||
    skip "there is no $program; apt-get install slurm-wlm munge jq"
done
[ "$(id -u)" = 0 ] || skip "a Slurm of one's own needs root"
unshare --uts --mount --ipc --pid --fork --mount-proc true 2>unshare.err ||
  skip "nodes of their own are not permitted: $(cat unshare.err)"
PATH=$PATH:/usr/sbin
slurm=$source_dir/tests/cluster/slurm
chmod 755 "$work"    # munge wants its socket within reach of everybody
at_exit+=("bash '$slurm/stop.sh' '$work/cluster'")
bash "$slurm/start.sh" "$work/cluster" 2 2 || fail "the cluster did not start"
export SLURM_CONF=$work/cluster/slurm.conf RUNNER=$runner

make_phantom phantom.h5
tiny_study tiny 2 40
identities=($(trial_identities tiny.toml))

submit() {    # RUNS: two nodes, two ranks each, a trial a node
  job=$(MEDSWEEP_RUNS=$1 sbatch --parsable --nodes=2 --ntasks-per-node=2 --output="$1.txt" \
          "$source_dir/slurm/sweep.sh" tiny.toml) || fail "sbatch refused"
}
job_is_over() { [ -z "$(squeue --noheader --jobs="$job" 2>/dev/null)" ]; }
job_ended() {    # STATUS
  wait_until job_is_over
  local status
  status=$(scontrol show job "$job" | sed -n 's/.* ExitCode=\([0-9]*\):.*/\1/p')
  [ "$status" = "$1" ] || { cat ./*.txt >&2; fail "the job ended with $status, not $1"; }
}
in_both_trials() {    # RUNS STEP
  has_step "$1/tiny" "${identities[0]}" "$2" && has_step "$1/tiny" "${identities[1]}" "$2"
}

submit whole
job_ended 0
[ "$(count_records whole/tiny done)" = 2 ] || fail "not both trials are done"
[ "$(records whole/tiny attempt | jq -r .host | sort | tr '\n' ' ')" = 'n1 n2 ' ] ||
  fail "not a trial a node"
ls whole/tiny/journal | grep -q "^slurm-$job-" || fail "the journal does not name the job"
"$runner" table tiny.toml --runs whole >table
tail -n "$(wc -l <table)" whole.txt | cmp - table || fail "the job did not print the table"

submit stopped
wait_until in_both_trials stopped 5
scancel --batch --signal=USR1 "$job"
job_ended 75
grep -q 'stopped by SIGUSR1' stopped.txt || fail "it does not say what stopped it"
[ "$(count_records stopped/tiny stop)" = 2 ] || fail "not both trials were stopped"
[ "$(count_records stopped/tiny done)" = 0 ] || fail "a trial was finished before the signal"
submit stopped
job_ended 0
same_weights whole/tiny stopped/tiny
"$runner" table tiny.toml --runs stopped | cmp - table || fail "another table"
submit stopped    # nothing is left
job_ended 0
[ "$(count_records stopped/tiny attempt)" = 4 ] || fail "a finished trial was run again"

# Ctrl-C on a terminal; --disable-status passes the first one on instead of only telling about it.
run="srun --mpi=pmix --disable-status --ntasks=2 --nodes=1 $runner --runs interrupted --sweep tiny.toml"
run="$run --only augmentation=none"
start $run
wait_until has_step interrupted/tiny "${identities[0]}" 5
kill -INT "$started"
ended 75
says out 'stopped by SIGINT'
expect 0 $run
[ "$(count_records interrupted/tiny attempt)" = 2 ] || fail "it was not stopped and gone on with"

submit lost
wait_until in_both_trials lost 5
for process in /proc/[0-9]*; do
  [ "$process/exe" -ef "$runner" ] && [ "$process/cwd" -ef "$work" ] && lost=${process#/proc/}
done
kill -KILL "$lost"
job_ended 137
[ "$(count_records lost/tiny done)" = 0 ] || fail "the other node's ranks went on alone"
submit lost
job_ended 0
same_weights whole/tiny lost/tiny
