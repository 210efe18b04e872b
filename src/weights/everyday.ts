// Knows the starter weights as bytes inside a module, so that a browser or an edge host needs no second request.
import bytes from '../../weights/everyday.dw';

const everyday: Uint8Array<ArrayBuffer> = bytes;
export default everyday;
