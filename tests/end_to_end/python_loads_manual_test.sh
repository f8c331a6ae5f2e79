#!/usr/bin/env bash
# What networks of label maps have learned loads into the same networks in Python, key by key.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1
python=${MEDSWEEP_PEERS_PYTHON:-$HOME/.cache/medsweep/peers/bin/python}
"$python" -c 'import safetensors, torchvision, segmentation_models_pytorch' 2>/dev/null ||
  skip "no segmentation_models_pytorch for $python; ./bootstrap peers installs it"

# study NAME COLORS PATCH MODELS...: an epoch of each.
study() {
  local name=$1 colors=$2 patch=$3
  shift 3
  cat >"$name.toml" <<STUDY
name = "$name"
[trial]
dataset = "$name.h5"
color_mode = "$colors"
normalize = "zscore"
patch = $patch
epochs = 1
batch_size = 2
optimizer = { name = "sgd", learning_rate = 1e-3 }
precision = "fp32"
metrics = ["dice"]
[axes]
model = [$(printf '{ %s }, ' "$@")]
[split]
validation = 1
STUDY
}
loads() { # STUDY CHANNELS COUNT
  local loaded=0 identity model
  expect 0 "$runner" run "$1.toml"
  while read -r identity model; do
    expect 0 env PYTHONPATH="$source_dir/tests/golden" "$python" "$source_dir/tests/golden/reference_networks.py" \
      "$model" "$2" 4 "$(ls runs/"$1"/trials/"$identity"/checkpoints/*/model.safetensors)"
    cat out
    loaded=$((loaded + 1))
  done < <(records "runs/$1" trial | jq -r '[.trial, .knobs.model.name] | @tsv')
  [ $loaded = "$3" ] || fail "$loaded networks instead of $3"
}

expect 0 "$runner" prepare phantom --output images.h5 --patients 3 --slices 1 --size 64
study images rgb '[]' 'name = "unet"' 'name = "retina_unet"' 'name = "sa_unet", depth = 4' 'name = "attention_unet"' \
  'name = "unet_resnet", width = 16' 'name = "fcn_resnet50"' 'name = "fcn_resnet101"' 'name = "deeplabv3"' \
  'name = "deeplabv3_plus"' 'name = "fcn8s", width = 1024'
loads images 3 10

expect 0 "$runner" prepare phantom --dimension 3 --output volumes.h5 --patients 3 --slices 16 --size 32
study volumes all '[16, 32, 32]' 'name = "unet3d"' 'name = "unet3d_original"' 'name = "attention_unet3d"' 'name = "vnet"' \
  'name = "vnet_original", down_convolutions = [1, 2, 3, 2], up_convolutions = [2, 2, 1, 1]' 'name = "anatomynet"' 'name = "voxresnet"' 'name = "h_denseunet"'
loads volumes 1 8

expect 0 "$runner" prepare phantom --dimension 3 --output segments.h5 --patients 2 --slices 57 --size 57
study segments all '[57, 57, 57]' 'name = "deepmedic"'
loads segments 1 1
