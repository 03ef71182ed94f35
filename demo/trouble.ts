import { type Bilingual, both } from '../scripts/language.ts';

/** Why the demo cannot continue, in one line for its user. Any other error is a bug and is shown with its stack. */
export class Trouble extends Error {
  override readonly name = 'Trouble';
  /** `message` is the English one. */
  readonly words: Bilingual;

  /** A text without a language is that of a compiler. */
  constructor(text: Bilingual | string) {
    const words = typeof text === 'string' ? both(() => text) : text;
    super(words.en);
    this.words = words;
  }
}
