/** A broken promise, with the time at which it was seen. */
export interface Violation {
  invariant: string;
  text: string;
  atMs: number;
}

/** The last events of a run, and the first promise it broke. */
export interface Journal {
  note(who: string, ...what: unknown[]): void;
  /** Ends the run: nothing after a broken promise proves anything. */
  violate(invariant: string, text: string): void;
  violation(): Violation | undefined;
  /** The last `lines` events as text. */
  tail(lines: number): string[];
}

const linesMax = 20_000;

export function createJournal(nowMs: () => number, stop: () => void): Journal {
  const notes: [number, string, unknown[]][] = [];
  let first: Violation | undefined;
  let oldest = 0;

  function note(who: string, ...what: unknown[]): void {
    if (notes.length < linesMax) {
      notes.push([nowMs(), who, what]);
    } else {
      notes[oldest] = [nowMs(), who, what];
      oldest = (oldest + 1) % linesMax;
    }
  }

  return {
    note,
    violate(invariant, text) {
      note('!!', invariant, text);
      first ??= { invariant, text, atMs: nowMs() };
      stop();
    },
    violation: () => first,
    tail: (lines) =>
      [...notes.slice(oldest), ...notes.slice(0, oldest)].slice(-lines).map(([atMs, who, what]) => {
        const words = what.map((part) => (typeof part === 'string' ? part : JSON.stringify(part)));
        return `${(atMs / 1000).toFixed(3).padStart(10)} s  ${who.padEnd(8)} ${words.join(' ')}`;
      }),
  };
}
