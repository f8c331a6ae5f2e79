#!/usr/bin/env bash
# A network with class activation maps trains, and `predict` draws where it looked for each class.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1

expect 0 "$runner" prepare phantom --kind hearts --dimension 2 --patients 4 --slices 2 --size 32 --output hearts.h5
cat >looked.toml <<'END'
name = "looked"
[trial]
dataset = "hearts.h5"
model = { name = "unet", width = 4, depth = 3 }
color_mode = "gray"
attention = { name = "cam", weight = 0.2 }
epochs = 2
batch_size = 4
precision = "fp32"
[split]
validation = 1
END
expect 0 "$runner" --sweep looked.toml
grep -qE '"cam":0\.[0-9]*[1-9]' runs/looked/journal/*.jsonl || fail "no loss 'cam' in the journal"
name=$("$runner" plan looked.toml --format json | jq -r '.trials[0].name')
expect 0 "$runner" predict "looked/$name" hearts.h5 --output said
images=$(ls said/labels | wc -l)
[ "$(ls said/activations | wc -l)" = $((images * 3)) ] || fail "not a picture an image and class: $(ls said/activations)"
for picture in said/activations/*; do
  [ "$(head -c 8 "$picture" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || fail "$picture is no PNG"
done
sed -i 's/"unet", width = 4, depth = 3/"deeplabv3"/' looked.toml
expect 2 "$runner" plan looked.toml
says err "'cam' in deeplabv3, whose features it does not see"
