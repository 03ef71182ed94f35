// Questions at the terminal.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Surroundings } from './command.ts';
import { columnsOf, type Language } from './language.ts';

/** The person gave up: Ctrl-C, or the end of the input. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
}

export interface Terminal {
  language: Language;
  /** How long its lines may be. */
  columns: number;
  say(text: string): void;
  /** A line of text. `hidden` shows nothing of what is typed, and keeps blanks at its ends. Rejects with Aborted. */
  ask(question: string, options?: { hidden?: boolean }): Promise<string>;
  /** Yes or no; Enter means `byDefault`. */
  confirm(question: string, byDefault: boolean): Promise<boolean>;
  close(): void;
}

const notShown = { en: ' (not shown)', zh: '（不显示）' };

/** Asks on standard output and reads lines from standard input, which may be a pipe. */
export function openTerminal(
  { stdin, stdout }: Pick<Surroundings, 'stdin' | 'stdout'>,
  language: Language,
): Terminal {
  const isTerminal = stdin.isTTY === true;
  let muted = false;
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!muted) stdout.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input: stdin, output, terminal: isTerminal });
  const typed: string[] = [];
  let waiting: { resolve: (line: string) => void; reject: (error: Error) => void } | undefined;
  let ended = false;
  lines.on('line', (line) => {
    if (waiting) waiting.resolve(line);
    else typed.push(line);
    waiting = undefined;
  });
  const giveUp = () => {
    ended = true;
    waiting?.reject(new Aborted());
  };
  lines.once('close', giveUp).once('SIGINT', giveUp);
  process.once('SIGINT', giveUp);

  function nextLine(): Promise<string> {
    const line = typed.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (ended) return Promise.reject(new Aborted());
    return new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
  }

  const terminal: Terminal = {
    language,
    columns: columnsOf(stdout),
    say: (text) => void stdout.write(`${text}\n`),
    async ask(question, { hidden = false } = {}) {
      const colon = language === 'zh' ? '：' : ': ';
      const prompt = `${question}${hidden && isTerminal ? notShown[language] : ''}${colon}`;
      if (hidden) stdout.write(prompt);
      else {
        lines.setPrompt(prompt);
        lines.prompt();
      }
      muted = hidden;
      try {
        const line = await nextLine();
        return hidden ? line : line.trim();
      } finally {
        muted = false;
        if (hidden || !isTerminal) stdout.write('\n');
      }
    },
    async confirm(question, byDefault) {
      for (;;) {
        const answer = (await terminal.ask(`${question} ${byDefault ? '[Y/n]' : '[y/N]'}`)).toLowerCase();
        if (answer === '') return byDefault;
        if (/^(y|yes|是)$/.test(answer)) return true;
        if (/^(n|no|否)$/.test(answer)) return false;
      }
    },
    close() {
      process.removeListener('SIGINT', giveUp);
      lines.close();
    },
  };
  return terminal;
}
