// An event function in its own process, which event-runtime.cjs runs: how it is called, and when its output is complete.
import type { ChildProcess } from 'node:child_process';
import { accessSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

/** What event-runtime.cjs sends after an invocation: `result` is the return value as JSON. */
export interface EventResult {
  result?: string;
  error?: string;
}

/** The context of an invocation; the runtime needs `request_id`. */
export type EventContext = { request_id: string } & Record<string, unknown>;

/** What event-runtime.cjs writes to both streams at the end of an invocation. */
const endMark = '\0end ';

/** Reads the output of a function's process line by line, and invokes it if event-runtime.cjs runs there. */
export function followFunction(child: ChildProcess, onLine: (line: string) => void) {
  const logged = new Map<string, () => void>();
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      const [written = '', requestId] = line.split(endMark);
      if (requestId !== undefined) logged.get(requestId)?.();
      if (requestId === undefined || written !== '') onLine(written);
    });
  }
  /** Resolves when the process has ended and all its output is read. */
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve()).once('error', () => resolve());
  });

  async function untilLogged(requestId: string): Promise<void> {
    let streams = 2;
    const ended = new Promise<void>((resolve) => {
      logged.set(requestId, () => {
        streams -= 1;
        if (streams === 0) resolve();
      });
    });
    await Promise.race([ended, closed]);
    logged.delete(requestId);
  }

  return {
    closed,

    /** Calls the handler once. Resolves when it has answered and all its output is read. */
    async invoke(event: unknown, context: EventContext): Promise<EventResult> {
      const output = untilLogged(context.request_id);
      const answered = new Promise<EventResult>((resolve) => {
        const take = (message: EventResult & { requestId?: string }): void => {
          if (message.requestId !== context.request_id) return;
          child.off('message', take);
          resolve(message);
        };
        child.on('message', take);
        void closed.then(() => resolve({ error: 'the process ended before it answered' }));
      });
      child.send({ event, context });
      const answer = await answered;
      await output;
      return answer;
    },
  };
}

/** Returns the path of event-runtime.cjs, wherever this module was bundled to. */
export function eventRuntimePath(moduleFolder: string): string {
  for (let folder = moduleFolder; ; folder = dirname(folder)) {
    const path = join(folder, 'simulator/event-runtime.cjs');
    try {
      accessSync(path);
      return path;
    } catch {
      if (folder === dirname(folder)) throw new Error('event-runtime.cjs not found', { cause: moduleFolder });
    }
  }
}
