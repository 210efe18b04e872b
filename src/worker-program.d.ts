// Tells the compiler what scripts/build.mjs makes: dist/worker-program.js, whose only word is the text of the worker's program.
declare const program: string;
export default program;
