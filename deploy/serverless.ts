// The part of Serverless Framework 3 this plugin uses; the framework has no types of its own.

interface SharedSettings {
  runtime?: string;
  memorySize?: number;
  timeout?: number;
  initTimeout?: number;
  environment?: Record<string, string | number | boolean | null>;
  vpc?: { vpcId: string; subnetId: string };
  publicNetwork?: boolean;
  eip?: boolean;
  role?: string;
  layers?: { name: string; version: number }[];
  tags?: Record<string, string>;
  cls?: { retentionDays?: number; logsetId?: string; topicId?: string };
}

export interface ServerlessProvider extends SharedSettings {
  name: string;
  stage?: string;
  region?: string;
  build?: string;
  codeBucket?: string;
  requiredEnvironment?: string[];
  environmentFiles?: string[];
  alarms?: { webhook?: string; uin?: string };
  customDomain?: { domain: string; certificateId: string; routes: Record<string, string> };
}

export interface ServiceFunction extends SharedSettings {
  name?: string;
  type: 'web' | 'event';
  src: string;
  /** Not deployed while this environment variable is empty. */
  onlyWith?: string;
  handler?: string;
  description?: string;
  instanceConcurrency?: number;
  healthPath?: string;
  package?: { artifact?: string };
  events?: {
    http?: {
      name?: string;
      parameters: {
        authType: 'NONE' | 'CAM';
        netConfig?: { enableIntranet?: boolean; enableExtranet?: boolean };
        corsConfig?: {
          enable?: boolean;
          origins?: string[];
          methods?: string[];
          headers?: string[];
          exposeHeaders?: string[];
          credentials?: boolean;
          maxAge?: number;
        };
      };
    };
    timer?: { name: string; parameters: { cronExpression: string; enable?: boolean; argument?: string } };
  }[];
}

export interface ServerlessService {
  service: string;
  provider: ServerlessProvider;
  functions: Record<string, ServiceFunction>;
}

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
