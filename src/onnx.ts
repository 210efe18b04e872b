// The file `onnx.js`: reads .onnx models, and is fetched only by those who load one.
export { readOnnx } from './formats/onnx.js';
