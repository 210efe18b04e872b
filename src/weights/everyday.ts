// Knows the starter weights as bytes inside a module, so that a browser or an edge host needs no second request.
import text from '../../weights/everyday.dw';
import { fromBase64 } from '../base64.js';

const everyday: Uint8Array<ArrayBuffer> = fromBase64(text);
export default everyday;
