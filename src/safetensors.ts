// The file `safetensors.js`: the papers' tables and the names that libraries give their tensors, fetched only by those who
// load a .safetensors file.
export { modelFromSafetensors } from './models/build.js';
