// The part of Serverless Framework 3 this plugin uses; the framework has no types of its own.
import type { ServerlessService } from './manifest.ts';

export interface Serverless {
  /** The words of the command line, e.g. `deploy`, `function`. */
  processedInput: { commands: string[] };
  service: ServerlessService;
  serviceDir: string;
  configurationInput: {
    provider?: { environment?: Record<string, unknown> };
    functions?: Record<string, { environment?: Record<string, unknown> }>;
  };
  configSchemaHandler: { defineProvider(name: string, schema: object): void };
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
}

/** How a plugin speaks to the person at the terminal. */
export interface Terminal {
  log: {
    notice(text: string): void;
    warning(text: string): void;
    success(text: string): void;
    info(text: string): void;
  };
  progress: { get(name: string): { update(text: string): void; remove(): void } };
  writeText(text: string): void;
}
