#!/usr/bin/env bash
# A damaged newest checkpoint is told, the one before it is used, and the end is the same.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
make_phantom phantom.h5
tiny_study tiny 1 6
run="$runner --sweep tiny.toml --only augmentation=none"
expect 0 $run --runs reference
trial=$(ls reference/tiny/trials)

start $run --runs stopped
wait_until has_step stopped/tiny "$trial" 12
kill -USR1 "$started"
ended 75
step=$(newest_step stopped/tiny "$trial")
[ "$(ls "stopped/tiny/trials/$trial/checkpoints" | wc -l)" -ge 2 ] || fail "one checkpoint only"

# damaged HOW FILE COMMAND: on a copy, ./COMMAND spoils FILE of the newest checkpoint.
damaged() {
  local how=$1 file=$2 checkpoint
  checkpoint=stopped-$how/tiny/trials/$trial/checkpoints/$(printf 'step-%06d' "$step")
  cp -r stopped "stopped-$how"
  shift 2
  "$@" "$checkpoint/$file" || fail "$* $checkpoint/$file"
  expect 0 $run --runs "stopped-$how"
  says err "checkpoint step-$(printf '%06d' "$step") is passed over"
  says err "$file"
  [ "$(records "stopped-$how/tiny" attempt | tail -n 1 | jq .resumed_from_step)" -lt "$step" ] ||
    fail "it did not go on from an earlier step"
  same_weights reference/tiny "stopped-$how/tiny"
}

flip_bit() {    # in the middle of a file
  local middle=$(($(stat -c %s "$1") / 2)) byte
  byte=$(od -An -tu1 -j "$middle" -N 1 "$1")
  printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$middle" conv=notrunc status=none
}

damaged cut model.safetensors truncate -s -100
damaged empty optimizer.safetensors truncate -s 0
damaged flipped optimizer.safetensors flip_bit
damaged state state.json flip_bit
damaged gone model.safetensors rm

# Without a sound one left, it starts from the beginning and still ends the same.
cp -r stopped none
for file in none/tiny/trials/"$trial"/checkpoints/*/model.safetensors; do flip_bit "$file"; done
expect 0 $run --runs none
[ "$(records none/tiny attempt | tail -n 1 | jq .resumed_from_step)" = null ] || fail "resumed from damage"
same_weights reference/tiny none/tiny
