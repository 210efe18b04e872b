"""Writes the first training pictures of Everyday-100 as PNG files, for `depthwise quantise` to look at.
    python calibration.py ../../../shared/data FOLDER [COUNT]"""
import os
import sys
from PIL import Image
import data

source, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 256
os.makedirs(folder, exist_ok=True)
for i, picture in enumerate(data.mosaic(source, 0)[:count]):
    Image.fromarray(picture.transpose(1, 2, 0)).save(f'{folder}/{i:03d}.png')
