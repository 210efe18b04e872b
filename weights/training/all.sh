#!/usr/bin/env bash
# Trains the four shipped networks, one after the other, in about three hours on two cores; with MINUTES=0.1 a trial of it.
# DATA: folder of Everyday-100; MODELS: folder of the official files; OUT: where the .safetensors go.
set -eu
cd "$(dirname "$0")"
: "${DATA:=../../../shared/data}" "${MODELS:=../../../shared/models}" "${OUT:=../../build/training}" "${PYTHON:=python3}"
# glibc would give large tensors back to the system after each layer: an eighth of the speed.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=34359738368 MALLOC_TOP_PAD_=268435456 GLIBC_TUNABLES=glibc.malloc.hugetlb=1
mkdir -p "$OUT"
train() { # name minutes arguments
  "$PYTHON" train.py --data "$DATA" --minutes "${MINUTES:-$2}" -o "$OUT/$1.safetensors" "${@:3}" 2>&1 | tee "$OUT/$1.log"
}
start() { args=(--start "$MODELS/$1" --start-labels "$MODELS/imagenet_labels.txt" --about "Fine-tuned for depthwise on Tiny ImageNet from Google's $1 (Apache-2.0)"); }
start mobilenet_v3_small_1.0_224_uint8.tflite
train everyday-v3-small 9 v3-small "${args[@]}"
start mobilenet_v2_1.0_224_quant.tflite
train everyday-v2-first 6 v2 --bfloat16 "${args[@]}"
train everyday-v2 12 v2 --bfloat16 --rate 0.02 --resume "$OUT/everyday-v2-first.safetensors" --about "${args[-1]}"
start mobilenet_v1_0.75_192_quant.tflite
train everyday-v1 5 v1 --alpha 0.75 --bfloat16 "${args[@]}"
train everyday-v3-large-first 45 v3-large --bfloat16 --sizes 64,96,128 --teacher "$OUT/everyday-v2-first.safetensors" --about 'Trained for depthwise on Tiny ImageNet from scratch, taught by everyday-v2'
train everyday-v3-large-second 34 v3-large --bfloat16 --sizes 96,128 --resume "$OUT/everyday-v3-large-first.safetensors" --teacher "$OUT/everyday-v1.safetensors" --about 'Trained for depthwise on Tiny ImageNet from scratch, taught by everyday-v2 and everyday-v1'
train everyday-v3-large 65 v3-large --bfloat16 --rounded --sizes 96,128 --resume "$OUT/everyday-v3-large-second.safetensors" --teacher "$OUT/everyday-v1.safetensors" --about 'Trained for depthwise on Tiny ImageNet from scratch, taught by everyday-v2 and everyday-v1'
