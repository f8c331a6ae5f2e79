"""torchvision's Mask R-CNN in PyTorch eager: what bench/mask_rcnn.cpp does.

    python bench/mask_rcnn.py train|predict PRECISION LAYOUT THREADS

See answers.answer(); a pass gives the loss, or the number of objects found. Weights, images and
objects are those of bench/mask_rcnn.cpp.
"""

import sys

import torch
from torchvision.models.detection import maskrcnn_resnet50_fpn

from answers import answer, fill_kernels, noise, training_step

OBJECTS = 4


def fill(model):
    def factor(key, inputs):
        return 0.01 if "predictor" in key or key.startswith("rpn") else (2 / inputs) ** 0.5

    fill_kernels(model, factor)


def objects(image, side):
    boxes, labels = [], []
    masks = torch.zeros(OBJECTS, side, side, dtype=torch.uint8)
    for i in range(OBJECTS):
        size, x, y = side // 8 * (i + 1), side // 16 * (i + image), side // 16 * i
        boxes.append([x, y, x + size, y + size // 2])
        labels.append(1 + i % 4)
        masks[i, y : y + size // 2, x : x + size] = 1
    return {"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": torch.tensor(labels), "masks": masks}


def main():
    what, precision, layout, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    count, side = (2, 256) if what == "train" else (1, 512)
    model = maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=5, trainable_backbone_layers=5, min_size=side, max_size=side
    )
    fill(model)
    if layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
    model.train(what == "train")
    images = list((noise(1000, (count, 3, side, side)) + 1) / 2)
    targets = [objects(i, side) for i in range(count)]
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def forward(*arguments):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return model(*arguments)

    train = training_step(optimizer, lambda: sum(forward(images, targets).values()))

    def predict():
        with torch.inference_mode():
            found = forward(images)[0]
        (found["masks"] > 0.5).to(torch.uint8)
        return len(found["scores"])

    answer(train if what == "train" else predict)


if __name__ == "__main__":
    main()
