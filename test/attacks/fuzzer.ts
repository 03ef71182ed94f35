import { errorTable } from '../../lib/errors.ts';
import { expect, onTestFinished } from 'vitest';
import { type Environment, type RunningFunction, startFunction } from '../../simulator/functions.ts';
import { type Connection, openConnection, type RawAnswer } from './connection.ts';
import { createFuzzRequests, type FuzzRequest, type FuzzTarget, markerPattern } from './fuzz-requests.ts';

/** Responses of Node's own HTTP parser before a request reaches the function; they have no body. */
const nodeStatuses = [400, 408, 413, 417, 431];
const heapBytesMore = 10_000_000;
/** Long: a stuck connection stays stuck, but one on a busy machine does not. */
const stuckMs = 60_000;
const connectionsAtOnce = 16;
const requestsAtOnce = 24;

export interface FuzzResult {
  answered: number;
  /** Connections closed without a response; only allowed for bytes that are not a request. */
  unanswered: number;
  statuses: Record<string, number>;
  heapBytesMore: number;
}

/** `FUZZ_SEED` of the environment, else a new one. */
export function fuzzSeed(): number {
  const given = process.env['FUZZ_SEED'];
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/**
 * Starts a built function and sends it `count` requests. Throws at the first violation.
 *
 * Each response must be documented, and the expected one if it is known. No text of a request may appear in its response
 * or in the log. No log line may report a bug. The process must survive, and its memory must not grow.
 */
export async function fuzz(
  name: string,
  environment: Environment,
  targetOf: (running: RunningFunction) => Promise<FuzzTarget>,
  { count, seed }: { count: number; seed: number },
): Promise<FuzzResult> {
  const troubles: string[] = [];
  let heap = (_bytes: number): void => undefined;
  let started: RunningFunction | undefined;
  const running = await startFunction(name, environment, {
    nodeArgs: ['--expose-gc', '--max-old-space-size=64', '--require', './test/attacks/heap-probe.cjs'],
    onLine(line) {
      const parsed = parseLine(line);
      if (parsed?.['event'] === 'heap') heap(Number(parsed['bytes']));
      else if (!parsed || isTrouble(line, parsed)) troubles.push(line.slice(0, 500));
      // There are hundreds of thousands of lines: check each and do not keep it.
      started?.lines.splice(0);
    },
  });
  started = running;
  onTestFinished(() => running.stop().then(() => undefined));
  async function heapBytes(): Promise<number> {
    const measured = new Promise<number>((resolve) => {
      heap = resolve;
    });
    process.kill(running.pid, 'SIGUSR2');
    return measured;
  }

  const requestOf = createFuzzRequests(seed, await targetOf(running));
  const result: FuzzResult = { answered: 0, unanswered: 0, statuses: {}, heapBytesMore: 0 };
  let next = 0;

  function check(request: FuzzRequest, answer: RawAnswer): void {
    const problem = problemOf(request, answer);
    if (problem !== undefined) throw new Error(`${problem}: ${answer.head} ${answer.body}`);
    result.answered += 1;
    result.statuses[answer.status] = (result.statuses[answer.status] ?? 0) + 1;
  }

  /** Uses one connection after the other, until all numbers below `end` are used. */
  async function work(end: number): Promise<void> {
    let connection: Connection | undefined;
    let batch: FuzzRequest[] = [];
    try {
      while (next < end) {
        batch = [];
        while (batch.length < requestsAtOnce && next < end && batch.at(-1)?.unframed !== true) {
          batch.push(requestOf((next += 1)));
        }
        const framed = batch.filter(({ unframed }) => !unframed);
        if (connection === undefined || connection.closed())
          connection = openConnection(running.url, stuckMs);
        for (let sent = 0; sent < framed.length;) {
          const rest = framed.slice(sent);
          const answers = await connection.exchange(
            rest.map(({ bytes }) => bytes).join(''),
            rest.map(({ method }) => method),
          );
          answers.forEach((answer, i) => rest[i] && check(rest[i], answer));
          sent += answers.length;
          if (sent === framed.length) break;
          if (answers.length === 0) throw new Error('the connection was closed without an answer');
          // The server closed it after a response, which is allowed: send the rest again.
          connection.destroy();
          connection = openConnection(running.url, stuckMs);
        }
        const last = batch.at(-1);
        if (last?.unframed) {
          const answers = await connection.leave(last.bytes);
          for (const answer of answers) check(last, answer);
          if (answers.length === 0) result.unanswered += 1;
          connection = undefined;
        }
      }
    } catch (error) {
      throw new Error(`${name}, FUZZ_SEED=${seed}, one of the requests ${numbersOf(batch)}`, {
        cause: error,
      });
    } finally {
      connection?.destroy();
    }
  }

  const workers = (end: number) => Promise.all(Array.from({ length: connectionsAtOnce }, () => work(end)));
  await workers(Math.floor(count / 10));
  const warm = await heapBytes();
  await workers(count);
  result.heapBytesMore = (await heapBytes()) - warm;
  expect(troubles, `FUZZ_SEED=${seed}`).toEqual([]);
  expect(result.heapBytesMore, `FUZZ_SEED=${seed}`).toBeLessThan(heapBytesMore);
  expect(running.process.exitCode).toBe(null);
  return result;
}

/** Checks whether the log reports a bug or a broken dependency, or repeats a stranger's text. */
function isTrouble(line: string, parsed: Record<string, unknown>): boolean {
  const { level, event } = parsed;
  const expected = level !== 'error' || event === 'login_brake_on';
  return !expected || line.length > 4000 || markerPattern.test(line);
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function numbersOf(batch: readonly FuzzRequest[]): string {
  return batch.map(({ marker }) => marker.slice(2, -2)).join(' ');
}

/** Returns what is wrong with a response, if anything. */
function problemOf({ marker, method, status, unframed }: FuzzRequest, answer: RawAnswer): string | undefined {
  const { head, body } = answer;
  if (status !== undefined && answer.status !== status) return `expected ${status}`;
  if (head.includes(marker) || body.includes(marker)) return 'the answer repeats the request';
  if (nodeStatuses.includes(answer.status) && !/\r\ncontent-length: [1-9]/i.test(head)) {
    // For a complete request, Node itself refuses only an unknown Expect.
    return body === '' && (unframed || answer.status === 417 || answer.status === 431)
      ? undefined
      : 'no body';
  }
  if (!/\r\ncache-control: no-store/i.test(head) || !/\r\nx-content-type-options: nosniff/i.test(head)) {
    return 'a header is missing';
  }
  if (/\r\n(server|set-cookie|x-powered-by|access-control-[\w-]+|x-injected):/i.test(head)) {
    return 'a header too many';
  }
  if (answer.status === 200) return undefined;
  if (answer.status === 204) return body === '' ? undefined : 'a body with 204';
  if (method === 'HEAD') return body === '' ? undefined : 'a body for HEAD';
  return isDocumentedError(answer.status, body) ? undefined : 'an undocumented error';
}

function isDocumentedError(status: number, body: string): boolean {
  const { error = '', message, request_id = '', ...more } = JSON.parse(body) as Record<string, string>;
  const documented = Object.entries(errorTable).find(([code]) => code === error)?.[1];
  return (
    documented?.status === status &&
    documented.message === message &&
    status !== 500 &&
    /^[0-9a-f-]{36}$/.test(request_id) &&
    Object.keys(more).length === 0
  );
}
