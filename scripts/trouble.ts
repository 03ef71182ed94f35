import { type Bilingual, both } from './language.ts';

/** Why a program cannot continue, for its user. Any other error is a bug and is shown with its stack. */
export class Trouble extends Error {
  override readonly name: string = 'Trouble';
  /** `message` is the English one. */
  readonly words: Bilingual;

  /** A text without a language is that of a compiler. */
  constructor(text: Bilingual | string, options?: ErrorOptions) {
    const words = typeof text === 'string' ? both(() => text) : text;
    super(words.en, options);
    this.words = words;
  }
}

/** Whatever was thrown, as a text. */
export function wordsOf(error: unknown): Bilingual {
  if (error instanceof Trouble) return error.words;
  return both(() => (error instanceof Error ? error.message : String(error)));
}
