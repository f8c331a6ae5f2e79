"""Small image files of every kind and what Pillow reads from them.

    python tests/golden/image_files.py > tests/golden/image_files.json

Each entry has the file's bytes in base64; as Pillow has them, rgb [H, W, 3], gray [H, W] (convert("L"))
and, where the file holds grey levels, stored [H, W]; of PNG with a coloured palette numbers [H, W]. Files
of 16 bits have stored alone.
"""
import base64
import io
import json
import zlib

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 5, 7
random = np.random.default_rng(4)
RGB = random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GRAY = random.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
BITS = random.integers(0, 2, (HEIGHT, WIDTH), dtype=np.uint8)


def with_alpha(pixels):
    pixels = pixels.reshape(HEIGHT, WIDTH, -1)
    return np.concatenate([pixels, random.integers(0, 256, (HEIGHT, WIDTH, 1), dtype=np.uint8)], axis=2)


def palette_of(colors):
    image = Image.fromarray(random.integers(0, len(colors), (HEIGHT, WIDTH), dtype=np.uint8), "P")
    image.putpalette([value for color in colors for value in color])
    return image


COLORS = palette_of([(0, 0, 0), (200, 30, 60), (7, 130, 255), (90, 90, 90)])
MANY = palette_of([(number, 255 - number, 7 * number % 256) for number in range(200)])
GREYS = palette_of([(0, 0, 0), (128, 128, 128), (255, 255, 255), (64, 64, 64)])
ROTATED = Image.Exif()
ROTATED[0x0112] = 6  # to be turned by 90 degrees

CASES = {
    "rgb.png": (Image.fromarray(RGB), {}),
    "rgba.png": (Image.fromarray(with_alpha(RGB), "RGBA"), {}),
    "gray.png": (Image.fromarray(GRAY), {}),
    "gray_alpha.png": (Image.fromarray(with_alpha(GRAY), "LA"), {}),
    "one_bit.png": (Image.fromarray(BITS * 255).convert("1"), {}),
    "palette.png": (COLORS, {}),
    "palette_transparent.png": (COLORS, {"transparency": 1}),
    "palette_of_many.png": (MANY, {}),
    "filtered_palette.png": (MANY, {}),
    "palette_of_greys.png": (GREYS, {}),
    "sixteen_bits_small.png": (Image.fromarray(GRAY.astype(np.uint16) * 128), {}),
    "sixteen_bits.png": (Image.fromarray(GRAY.astype(np.uint16) * 256), {}),
    "rgb.jpg": (Image.fromarray(RGB), {"quality": 90}),
    "progressive.jpg": (Image.fromarray(RGB), {"quality": 90, "progressive": True}),
    "gray.jpg": (Image.fromarray(GRAY), {"quality": 90}),
    "rotated.jpg": (Image.fromarray(RGB), {"quality": 90, "exif": ROTATED}),
    "rgb.tif": (Image.fromarray(RGB), {}),
    "lzw.tif": (Image.fromarray(RGB), {"compression": "tiff_lzw"}),
    "gray.tif": (Image.fromarray(GRAY), {"compression": "tiff_deflate"}),
    "one_bit.tif": (Image.fromarray(BITS * 255).convert("1"), {"compression": "group4"}),
    "sixteen_bits.tif": (Image.fromarray(GRAY.astype(np.uint16) * 256), {}),
    "rgb.bmp": (Image.fromarray(RGB), {}),
    "gray.bmp": (Image.fromarray(GRAY), {}),
    "palette.gif": (COLORS, {}),
    "interlaced.gif": (COLORS, {"interlace": 1}),
    "gray.gif": (Image.fromarray(GRAY), {}),
    "rgb.ppm": (Image.fromarray(RGB), {}),
    "gray.pgm": (Image.fromarray(GRAY), {}),
}
ENDINGS = {"jpg": "jpeg", "tif": "tiff", "pgm": "ppm"}


def filtered_png(image):
    """A PNG whose scan lines take the filters none, sub, up, average and Paeth in turn."""
    plain = io.BytesIO()
    image.save(plain, format="PNG")
    head = plain.getvalue()[:plain.getvalue().index(b"IDAT") - 4]
    pixels = np.asarray(image).astype(int)
    padded = np.pad(pixels, ((1, 0), (1, 0)))
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    guess = left + above - corner
    distances = np.stack([abs(guess - left), abs(guess - above), abs(guess - corner)])
    paeth = np.choose(distances.argmin(axis=0), [left, above, corner])
    guesses = [0 * left, left, above, (left + above) // 2, paeth]
    lines = b"".join(bytes([row % 5]) + ((pixels - guesses[row % 5]) % 256)[row].astype(np.uint8).tobytes()
                     for row in range(len(pixels)))

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    return head + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def entry(name, image, options):
    ending = name.rsplit(".", 1)[1]
    file = io.BytesIO()
    if name.startswith("filtered"):
        file.write(filtered_png(image))
    else:
        image.save(file, format=ENDINGS.get(ending, ending), **options)
    read = Image.open(io.BytesIO(file.getvalue()))
    found = {"file": base64.b64encode(file.getvalue()).decode()}
    if read.mode.startswith("I"):
        return found | {"stored": np.asarray(read).astype(int).tolist()}
    rgb = np.asarray(read.convert("RGB"))
    found |= {"rgb": rgb.tolist(), "gray": np.asarray(read.convert("RGB").convert("L")).tolist()}
    if (rgb == rgb[:, :, :1]).all():
        found["stored"] = rgb[:, :, 0].tolist()
    if ending == "png" and read.mode == "P" and image is not GREYS:
        found["numbers"] = np.asarray(read).tolist()
    return found


print(json.dumps({name: entry(name, *case) for name, case in CASES.items()}, separators=(",", ":"))
      .replace('},"', '},\n"'))
