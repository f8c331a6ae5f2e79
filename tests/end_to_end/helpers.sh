# Shared by the bash tests: source it first. A test runs in a folder of its own that goes in the end.
set -u -o pipefail
runner=${MEDSWEEP_BUILD_DIR:?MEDSWEEP_BUILD_DIR names the build folder}/runner
source_dir=${MEDSWEEP_SOURCE_DIR:?MEDSWEEP_SOURCE_DIR names the root of the project}
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset MEDSWEEP_RUNS
work=$(mktemp -d "${TMPDIR:-/tmp}/medsweep-test-XXXXXX")
export XDG_CACHE_HOME=$work/cache
cd "$work" || exit 1
started=                       # the process that `start` began last
at_exit=()                     # commands that a test wants run at its end

clean_up() {
  local status=$? command
  for command in "${at_exit[@]}"; do eval "$command"; done
  if [ -n "$started" ] && kill -0 "$started" 2>/dev/null; then kill -KILL "$started"; fi
  cd / && rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT

# fail TEXT: ends the test and shows what the runner said last.
fail() {
  printf 'FAILED: %s\n' "$1" >&2
  for log in out err; do
    [ -s "$work/$log" ] && { echo "--- last std$log:" >&2; tail -n 25 "$work/$log" >&2; }
  done
  exit 1
}

skip() { echo "skipped: $1"; exit 77; }

# expect STATUS COMMAND...: runs it, its output in ./out and ./err.
expect() {
  local wanted=$1 status=0
  shift
  "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
  [ "$status" = "$wanted" ] || fail "exit status $status, not $wanted, of: $*"
}

# says FILE TEXT: the text is in there, letter by letter.
says() { grep -qF -- "$2" "$work/$1" || fail "std$1 does not say: $2"; }

# ranks N: words before a command that run it on N ranks.
ranks() { [ "$1" = 1 ] || echo "mpirun --bind-to none --oversubscribe -n $1"; }

# start COMMAND...: in the background; its process id in $started.
start() {
  "$@" >"$work/out" 2>"$work/err" </dev/null &
  started=$!
}

# ended STATUS...: waits for what was started; one of these is its exit status.
ended() {
  local status=0 wanted
  wait "$started" 2>/dev/null || status=$?
  started=
  for wanted in "$@"; do [ "$status" = "$wanted" ] && return; done
  fail "exit status $status, not one of: $*"
}

# wait_until COMMAND...: 90 seconds at most, and no longer than what was started lives.
wait_until() {
  local end=$((SECONDS + 90))
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "waited 90 seconds for: $*"
    if [ -n "$started" ] && ! kill -0 "$started" 2>/dev/null && ! "$@"; then
      fail "the run ended before: $*"
    fi
    sleep 0.01
  done
}

# A killed mpirun leaves its ranks alive for a moment.
nobody_runs() {
  local process
  for process in /proc/[0-9]*; do
    [ "$process/exe" -ef "$runner" ] && [ "$process/cwd" -ef "$work" ] && return 1
  done
  return 0
}

# random BELOW: a number in 0 ... BELOW-1 from $RANDOM, whose seed the test prints.
seed_random() { RANDOM=$1; echo "seed $1"; }
random() { echo $((RANDOM % $1)); }

make_phantom() { expect 0 "$runner" prepare phantom --output "$1" --patients 4 --slices 4 --size 64; }

# tiny_study NAME RANKS EPOCHS: two trials on phantom.h5 with a checkpoint every few steps.
tiny_study() {
  cat >"$1.toml" <<STUDY
name = "$1"
[trial]
dataset = "phantom.h5"
model = { name = "unet", width = 4, depth = 3 }
color_mode = "gray"
epochs = $3
batch_size = 5
precision = "fp32"
ranks_per_trial = $2
checkpoint_every = 0.1
[axes]
augmentation = ["none", "flip_rotate"]
[split]
validation = 0.25
STUDY
}

trial_identities() { "$runner" plan "$1" --format json | jq -r '.trials[].identity'; }

# newest_step STUDY_FOLDER IDENTITY: of its checkpoints; -1 without one.
newest_step() {
  local folder=$1/trials/$2/checkpoints name
  name=$(ls "$folder" 2>/dev/null | grep -E '^step-[0-9]+$' | sort | tail -n 1)
  [ -n "$name" ] && echo $((10#${name#step-})) || echo -1
}
has_step() { [ "$(newest_step "$1" "$2")" -ge "$3" ]; }

# same_weights STUDY_FOLDER OTHER: every trial ends at the same step with the same bytes.
same_weights() {
  local identity a b
  [ -d "$1/trials" ] || fail "no trials in $1"
  for identity in $(ls "$1/trials"); do
    a=$(newest_step "$1" "$identity") b=$(newest_step "$2" "$identity")
    [ "$a" -ge 0 ] && [ "$a" = "$b" ] || fail "trial $identity ends at step $b, not $a"
    cmp "$1/trials/$identity/checkpoints/$(printf 'step-%06d' "$a")/model.safetensors" \
        "$2/trials/$identity/checkpoints/$(printf 'step-%06d' "$b")/model.safetensors" ||
      fail "weights of trial $identity differ"
  done
}

# records STUDY_FOLDER TYPE: the sound journal records of a type, a line each, the oldest first.
records() {
  cat "$1"/journal/*.jsonl | jq -Rc "fromjson? | select(.type == \"$2\")" | jq -sc 'sort_by(.time)[]'
}
count_records() { records "$1" "$2" | wc -l; }

# sound_journals STUDY_FOLDER [TORN]: every line is JSON, but for TORN (0) last ones cut off.
sound_journals() {
  local lines sound
  lines=$(cat "$1"/journal/*.jsonl | grep -c .)
  sound=$(cat "$1"/journal/*.jsonl | jq -Rc 'fromjson? | select(.crc)' | wc -l)
  [ $((lines - sound)) -le "${2:-0}" ] || fail "$((lines - sound)) damaged lines in the journals of $1"
}
