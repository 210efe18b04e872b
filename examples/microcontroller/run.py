"""Knows how a bare WebAssembly engine, here wasmtime, runs a .dw file with everything in its memory, as docs/bare.md says.

    pip install wasmtime
    depthwise convert person_detect.tflite --plan small -o person_detect.dw
    python3 run.py bare.wasm person_detect.dw INPUT.bin        raw values in; prints the bytes of every output
"""
import json
import struct
import sys

from wasmtime import Instance, Limits, Memory, MemoryType, Module, Store

PAGE, OWN, TEMP, SLACK, RECORD = 65536, 256, 512, 64, 48 * 4


def align(n):
    return (n + 15) // 16 * 16


class Net:
    def __init__(self, wasm, dw):
        if dw[:8] != b"DWPLAN\0\0":
            raise ValueError("no .dw file")
        steps_at, steps_bytes, weights_at, weights_bytes, info_at, info_bytes, arena_bytes, scratch_bytes, form = struct.unpack_from("<9I", dw, 16)
        if form != 0:
            raise ValueError("its weights are float16: convert it without --float16")
        self.info = json.loads(dw[info_at:info_at + info_bytes])
        self.count = steps_bytes // RECORD
        steps = OWN
        weights = steps + align(steps_bytes)
        self.arena = weights + align(weights_bytes)
        scratch = self.arena + align(arena_bytes) + TEMP
        pages = -(-(scratch + scratch_bytes + SLACK) // PAGE)
        self.store = Store()
        self.memory = Memory(self.store, MemoryType(Limits(pages, pages)))
        exports = Instance(self.store, Module(self.store.engine, wasm), [self.memory]).exports(self.store)
        self.memory.write(self.store, dw[steps_at:steps_at + steps_bytes], steps)
        self.memory.write(self.store, dw[weights_at:weights_at + weights_bytes], weights)
        fault = exports["check"](self.store, steps, self.count, weights_bytes, arena_bytes, scratch_bytes)
        if fault:
            raise ValueError(f"record {fault >> 8} may not run: fault {fault & 255} of docs/bare.md")
        exports["place"](self.store, steps, weights, self.arena, scratch)
        self.kernels = exports["run"]

    def tensors(self, role):
        return [self.info["tensors"][i] for i in self.info[role]]

    def run(self, *inputs):
        for tensor, data in zip(self.tensors("inputs"), inputs):
            if len(data) != tensor["bytes"]:
                raise ValueError(f"{tensor['name']} takes {tensor['bytes']} bytes, not {len(data)}")
            self.memory.write(self.store, data, self.arena + tensor["offset"])
        done = self.kernels(self.store, 0, self.count)
        if done < self.count:
            raise ValueError(f"record {done} names no kernel of this release")
        return [bytes(self.memory.read(self.store, at, at + tensor["bytes"])) for tensor in self.tensors("outputs") for at in [self.arena + tensor["offset"]]]


if __name__ == "__main__":
    wasm, dw, *inputs = [open(name, "rb").read() for name in sys.argv[1:]]
    net = Net(wasm, dw)
    for tensor, data in zip(net.tensors("outputs"), net.run(*inputs)):
        print(tensor["name"], data.hex())
