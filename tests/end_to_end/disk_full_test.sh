#!/usr/bin/env bash
# The disk fills while a checkpoint is written: the one before it stays, the message says it, and the
# training goes on while there is room for its records. Then it ends with the journal readable, and
# with room again the next start goes on to the same end.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
mkdir disk
mount -t tmpfs -o size=4m tmpfs disk 2>mount.err || skip "a tmpfs cannot be mounted: $(cat mount.err)"
at_exit+=("umount '$work/disk'")

make_phantom phantom.h5
tiny_study tiny 1 12
run="$runner --sweep tiny.toml --only augmentation=none"
expect 0 $run --runs reference
trial=$(ls reference/tiny/trials)

# fill KILOBYTES: leaves that much room.
fill() {
  local free
  free=$(df --output=avail --block-size=1K disk | tail -n 1)
  dd if=/dev/zero of=disk/ballast bs=1K count=$((free - $1)) status=none 2>/dev/null
}

# sound_checkpoint FOLDER: its files are those that state.json was written with.
sound_checkpoint() {
  local file
  for file in model.safetensors optimizer.safetensors; do
    [ "$(sha256sum "$1/$file" | cut -d ' ' -f 1)" = "$(jq -r ".digests[\"$file\"]" "$1/state.json")" ] ||
      fail "$1/$file is not what state.json says"
  done
}

# full KILOBYTES STATUS...: with so much room left from a step in the middle on.
full() {
  local room=$1 checkpoints=disk/runs/tiny/trials/$trial/checkpoints step checkpoint
  shift
  start $run --runs disk/runs
  wait_until has_step disk/runs/tiny "$trial" 8
  fill "$room"
  ended "$@"
  grep -q 'No space left on device' err || fail "the message does not say that the disk is full"
  says err disk/runs
  [ "$room" = 0 ] || says err 'no checkpoint at step'

  [ -z "$(find "$checkpoints" -name '*.tmp')" ] || fail "an unfinished checkpoint is left behind"
  step=$(newest_step disk/runs/tiny "$trial")
  [ "$step" -ge 8 ] || fail "the earlier checkpoint is gone"
  for checkpoint in "$checkpoints"/step-*; do sound_checkpoint "$checkpoint"; done
  sound_journals disk/runs/tiny 1
  expect 0 "$runner" status tiny.toml --runs disk/runs --format json
  jq -e '.trials | length == 2' out >/dev/null || fail "the journal cannot be read"

  rm disk/ballast
  expect 0 $run --runs disk/runs
  [ "$(records disk/runs/tiny attempt | tail -n 1 | jq .resumed_from_step)" -ge 8 ] || fail "not resumed"
  same_weights reference/tiny disk/runs/tiny
  rm -r disk/runs
}

full 32 1    # enough for some records of the journal, not for a checkpoint
full 0 1     # not for the journal either
