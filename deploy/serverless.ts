// The part of Serverless Framework 3 this plugin uses; the framework has no types of its own.
import type { Bilingual } from '../scripts/language.ts';
import type { ServerlessService } from './manifest.ts';

export interface Serverless {
  /** The words of the command line, e.g. `deploy`, `function`. */
  processedInput: { commands: string[] };
  service: ServerlessService;
  serviceDir: string;
  configurationInput: {
    provider?: { environment?: Record<string, unknown>; alarms?: { webhook?: unknown } };
    functions?: Record<string, { environment?: Record<string, unknown> }>;
  };
  configSchemaHandler: {
    defineProvider(name: string, schema: object): void;
    /** Of serverless.yml, in English. */
    handleErrorMessages(messages: string[]): void;
  };
  setProvider(name: string, provider: object): void;
}

export interface CommandOptions {
  function?: string;
  yes?: boolean;
  to?: string;
  data?: string;
  path?: string;
  qualifier?: string;
  log?: boolean;
  raw?: boolean;
  tail?: boolean;
  startTime?: string;
  filter?: string;
  interval?: string;
  lang?: string;
}

/** How a step speaks to the person at the terminal. The framework's own takes texts of one language: plugin.ts. */
export interface Terminal<Words = Bilingual> {
  log: {
    notice(words: Words): void;
    warning(words: Words): void;
    info(words: Words): void;
  };
  progress: { get(name: string): { update(words: Words): void; remove(): void } };
  /** What was asked for; what functions and logs say has no other language. */
  writeText(words: Words | string): void;
}
