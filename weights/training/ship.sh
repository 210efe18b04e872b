#!/usr/bin/env bash
# Makes the shipped .dw files of what all.sh trained: int8 by 256 training pictures, and float32 stored as float16.
set -eu
cd "$(dirname "$0")"
: "${DATA:=../../../shared/data}" "${OUT:=../../build/training}" "${PYTHON:=python3}"
dw="node ../../dist/cli.js"
official='MIT for our part; fine-tuned from a Google checkpoint under Apache-2.0, on pictures from ImageNet (research use)'
scratch='MIT; trained on pictures from ImageNet (research use)'
"$PYTHON" calibration.py "$DATA" "$OUT/calibration"
ship() { # name architecture licence
  local from="$OUT/everyday-$2.safetensors" options=(--arch "$2" --size 128 --style tf --licence "$3")
  $dw quantise "$from" "${options[@]}" --images "$OUT/calibration" -o "../$1.dw"
  $dw convert "$from" "${options[@]}" --float16 -o "../everyday-$2.float16.dw"
}
for name in ${@:-v3-small v2 v1 v3-large}; do
  case $name in
    v3-small) ship everyday v3-small "$official" ;;
    v3-large) ship everyday-v3-large v3-large "$scratch" ;;
    *) ship "everyday-$name" "$name" "$official" ;;
  esac
done
