// Knows the names of what can be fuzzed, for those who start the fuzzer and hold none of it.
export const TARGET_NAMES = ['tflite', 'dw', 'safetensors', 'onnx', 'calls', 'pictures', 'files', 'answers'];
