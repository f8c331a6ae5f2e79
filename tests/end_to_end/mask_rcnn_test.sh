#!/usr/bin/env bash
# Mask R-CNN in a study: resumed after a kill to the same bits, the same numbers on one and on two
# ranks, layers frozen in stages, weights of another trial, two tasks that share features.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
seed_random "${MEDSWEEP_TEST_SEED:-$$}"
expect 0 "$runner" prepare phantom --output phantom.h5 --patients 3 --slices 2 --size 64

# rcnn_study NAME KNOBS...: one trial, 2 epochs of 2 steps; every step writes a checkpoint that stays.
rcnn_study() {
  local name=$1
  shift
  cat >"$name.toml" <<STUDY
name = "$name"
needs = [$([ "$name" = plain ] || echo '"plain.toml"')]
[trial]
dataset = "phantom.h5"
model = { name = "mask_rcnn", image_resize = "none", anchor_sizes = [8, 16, 32, 64, 128], roi_per_image = 16, rpn_per_image = 32, proposals_before_nms = 64, proposals_after_nms = 32, pyramid_channels = 16, representation = 32 }
backbone = "resnet18"
color_mode = "gray"
normalize = "minmax"
optimizer = { name = "sgd", learning_rate = 0.01, momentum = 0.9 }
epochs = 2
batch_size = 4
precision = "fp32"
checkpoint_every = 0
keep_checkpoints = 9
$(printf '%s\n' "$@")
[split]
validation = 1
[evaluate]
every = "2 epochs"
[[table]]
rows = ["model"]
columns = ["class"]
metrics = ["mask_iou"]
STUDY
}

# weights_at STUDY RUNS STEP: the weights file of its only trial.
weights_at() { printf '%s/%s/trials/%s/checkpoints/step-%06d/model.safetensors' "$2" "$1" "$(trial_identities "$1.toml")" "$3"; }

# tensors same|differ FILE FILE REGEX: every, or no, tensor of such a name has the same bytes.
tensors() {
  python3 - "$@" <<'PYTHON' || fail "$4 is not the $1 in $2 and $3"
import json, re, struct, sys
wanted, first, second, pattern = sys.argv[1:]
def tensors(path):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    return {name: data[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]]
            for name, entry in json.loads(data[8:8 + length]).items() if re.search(pattern, name)}
a, b = tensors(first), tensors(second)
equal = {name: a[name] == b[name] for name in a}
sys.exit(0 if a and a.keys() == b.keys() and set(equal.values()) == {wanted == "same"} else 1)
PYTHON
}

# numbers RUNS STUDY: of the validation, one a line, but for times.
numbers() {
  records "$1/$2" value | jq -r 'select(.metric | startswith("seconds") | not) |
    [.sample, .class, .metric, .value] | @tsv' | sort
}

# One rank, and two that hold two samples each: sampling follows the samples, not the ranks.
rcnn_study plain
expect 0 "$runner" plan plain.toml --probe --format json
jq -e '.trials[0] | .memory_bytes > 5e7 and .hours > 0 and .hours_from == "probe"' out >/dev/null || fail "the plan does not know what it costs"
expect 0 "$runner" --sweep plain.toml
says out 'lv mask_iou'
expect 0 "$runner" table plain.toml --format json
[ "$(jq '[.[].rows[].cells[] | select(.mean != null)] | length' out)" = 3 ] || fail "not a mask_iou for each class"
# In small steps: which of two nearly equal scores is larger decides what is sampled and found, and
# large steps grow a last digit's difference until it does. So an epoch's losses are compared, where
# a gradient of another size would show in the second step's, and nearly all of the numbers.
small_steps="optimizer.learning_rate=1e-3"
expect 0 "$runner" --runs one --set $small_steps --sweep plain.toml
rcnn_study plain 'ranks_per_trial = 2'
expect 0 $(ranks 2) "$runner" --runs two --set $small_steps --sweep plain.toml
losses() { records "$1/plain" epoch | jq -r 'select(.epoch == 1) | .losses | to_entries[] | [.key, .value] | @tsv'; }
paste <(losses one) <(losses two) | awk -F '\t' '
  $1 != $3 { exit 1 }
  { d = ($2 - $4) / $4; if (d > 1e-5 || d < -1e-5) exit 1; n++ }
  END { if (n != 6) exit 1 }' || fail "other losses on two ranks"
paste <(numbers one plain) <(numbers two plain) | awk -F '\t' '
  $1 != $5 || $2 != $6 || $3 != $7 { exit 1 }
  $4 == "" || $8 == "" { others += $4 != $8; next }
  { d = $4 - $8; others += d > 1e-4 || d < -1e-4; n++ }
  END { if (n < 20 || others > n / 20) exit 1 }' || fail "other numbers on two ranks"
rcnn_study plain

# Stages, from weights of another trial: the backbone stays as it was until the second one. Killed
# within any of them and resumed, the same weights.
rcnn_study staged 'weights = "trial:mrcnn"' \
  'stages = [{ layers = "heads", epochs = 1 }, { layers = "all", epochs = 1, learning_rate = 0.002 }]'
expect 0 "$runner" plan staged.toml
says out frozen
expect 0 "$runner" --sweep staged.toml
begin=$(weights_at plain runs 4)
tensors same "$begin" "$(weights_at staged runs 2)" '^backbone\.body\.'
tensors differ "$begin" "$(weights_at staged runs 2)" '^(rpn|roi_heads|backbone\.fpn).*weight'
tensors differ "$(weights_at staged runs 2)" "$(weights_at staged runs 4)" '^backbone\.body\..*(conv.*weight|running_mean)'

step=$(($(random 3) + 1))
echo "killed at step $step"
mkdir killed && cp -r runs/plain killed/plain
start "$runner" --runs killed --sweep staged.toml
wait_until has_step killed/staged "$(trial_identities staged.toml)" $step
kill -KILL "$started"
ended 137
[ "$(count_records killed/staged done)" = 0 ] || fail "it was to be killed in training"
expect 0 "$runner" --runs killed --sweep staged.toml
same_weights runs/staged killed/staged

# Layers that are frozen for the whole training, and the losses of proposals alone.
rcnn_study heads 'weights = "last"' 'train_layers = "heads"' 'epochs = 1'
sed -i '/^epochs = 2/d' heads.toml
expect 0 "$runner" --sweep heads.toml
tensors same "$begin" "$(weights_at heads runs 2)" '^backbone\.body\.'
rcnn_study rpn 'weights = "last"' 'train_layers = "rpn"' 'epochs = 1'
sed -i '/^epochs = 2/d' rpn.toml
expect 0 "$runner" --sweep rpn.toml
tensors same "$begin" "$(weights_at rpn runs 2)" '^(backbone\.body|roi_heads)\.'
tensors differ "$begin" "$(weights_at rpn runs 2)" '^rpn\.'

# Two tasks, a network each, that exchange their pyramids; both are evaluated.
rcnn_study shared 'tasks = [["lv"], ["myo"]]' 'feature_share = "mean"' 'epochs = 1'
sed -i '/^epochs = 2/d' shared.toml
expect 0 "$runner" --sweep shared.toml
says out 'lv mask_iou'
says out 'myo mask_iou'
weights=$(weights_at shared runs 2)
for task in 0 1; do grep -aqF "tasks.$task.roi_heads.mask_predictor.mask_fcn_logits.weight" "$weights" || fail "no network of task $task"; done

# What cannot be meant is refused with what can.
# refused TEXT KNOBS...
refused() {
  local text=$1
  shift
  rcnn_study bad "$@"
  expect 2 "$runner" plan bad.toml
  says err "$text"
  says err bad.toml
}
refused '"mean" with 0 tasks; two, as tasks = [["lv"], ["myo"]], are allowed' 'feature_share = "mean"'
refused '4 sizes for 5 levels of the pyramid' '"model.anchor_sizes" = [8, 16, 32, 64]'
refused 'mask_rcnn takes whole images' 'patch = [64, 64]'
refused "attention at 'c9'; c3, c4, c5, mask_head, box_head, fpn are allowed" 'attention = { name = "se", place = ["c9"] }'
refused "unknown name 'head'; did you mean 'heads'?" 'stages = [{ layers = "head", epochs = 1 }]'
refused 'a stage without epochs' 'stages = [{ layers = "heads" }]'
refused "'lung' is not in" 'tasks = [["lv"], ["lung"]]'
refused 'resnet18-f37072fd.pth is not in MEDSWEEP_WEIGHTS' 'weights = "imagenet"'
rcnn_study bad 'weights = "none.safetensors"'
expect 2 "$runner" run bad.toml
says err 'none.safetensors: there is no such file'
