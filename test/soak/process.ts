// Knows a soak's own process: one task, told by the first argument, whose progress and result go to whoever started it.
import { signal } from './memory.js';
import { cycles } from './cycles.js';
import { firstAnswers, inferences } from './inferences.js';
import type { Leak, Message, Progress, Task } from './task.js';

const tell = (message: Message): void => void process.send!(message);
const task = JSON.parse(process.argv[2]) as Task, kept: unknown[] = [];
let stopped = false;
process.on('message', () => { stopped = true; });
process.on('SIGINT', () => undefined); // whoever started it says when to stop
const alone = (): never => process.exit(1);
process.on('disconnect', alone);

const progress = (points: number): Progress => ({ points, stopped: () => stopped, told: (done) => tell({ done }) });

const ENDS: Partial<Record<Leak, (net: { dispose(): void }) => void>> = {
  nets: (net) => kept.push(net),
  listeners: (net) => {
    net.dispose();
    signal.addEventListener('abort', () => net.dispose());
  },
};

async function result(): Promise<unknown> {
  if (task.kind === 'answers') return firstAnswers();
  if (task.kind === 'inferences') return inferences(task.count, progress(task.points), task.leak && (() => kept.push(new Uint8Array(1024))));
  return cycles(task.count, progress(task.points), { plain: task.plain, ...(task.leak && { end: ENDS[task.leak] }) });
}

result().then((value) => tell({ result: value }), (error: Error) => tell({ failed: error.stack ?? String(error) })).finally(() => {
  process.off('disconnect', alone);
  process.disconnect!();
});
