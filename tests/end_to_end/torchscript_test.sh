#!/usr/bin/env bash
# A network out of Python's torch.jit.script trains, resumes, evaluates and predicts; its file decides the identity.
source "${MEDSWEEP_SOURCE_DIR:?}/tests/end_to_end/helpers.sh" || exit 1

cp "$source_dir/tests/golden/torchscript_vessels.pt" net.pt
expect 0 "$runner" prepare phantom --kind vessels --patients 4 --size 64 --output vessels.h5
cat >script.toml <<'END'
name = "script"
[trial]
dataset = "vessels.h5"
model = { name = "torchscript", file = "net.pt" }
loss = "bce"
epochs = 2
batch_size = 4
patch = [32, 32]
precision = "fp32"
checkpoint_every = 0
END
identity() { "$runner" plan script.toml --format json | jq -r '.trials[0].identity'; }
first=$(identity)
expect 0 "$runner" --sweep script.toml
says out 'dice'
checkpoint=$(ls -d runs/script/trials/*/checkpoints/step-*/ | tail -1)
python3 - "$checkpoint/model.safetensors" <<'END' || fail "other tensors than the Python network's"
import json, struct, sys
data = open(sys.argv[1], "rb").read()
names = set(json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])) - {"__metadata__"}
block = {"block.1." + key for key in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
sys.exit(names != block | {"block.0.weight", "block.0.bias", "head.weight", "head.bias", "scale", "shift"})
END
name=$("$runner" plan script.toml --format json | jq -r '.trials[0].name')
expect 0 "$runner" predict "script/$name" vessels.h5 --output said
[ -n "$(ls said/labels)" ] || fail "no label maps"

cp "$source_dir/tests/golden/torchscript.pt" net.pt
[ "$(identity)" != "$first" ] || fail "another network has the same identity"
mv net.pt elsewhere.pt
expect 0 "$runner" plan script.toml
says out 'net.pt'
printf 'no network' >net.pt
expect 2 "$runner" plan script.toml
says err 'is no scripted network'
