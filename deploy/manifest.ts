// What serverless.yml may contain. The types of this folder and the framework's schema are derived from it. The framework
// checks the file before anything runs, and names the wrong key.
import * as z from 'zod/mini';

const texts = z.record(z.string(), z.string());

function integer(minimum: number, maximum: number) {
  return z.int().check(z.minimum(minimum), z.maximum(maximum));
}

function pattern(regex: RegExp) {
  return z.string().check(z.regex(regex));
}

/** Settings a function takes from `provider` unless it has its own. */
const shared = {
  runtime: z.optional(z.string()),
  memorySize: z.optional(integer(64, 3072)),
  timeout: z.optional(integer(1, 900)),
  initTimeout: z.optional(integer(3, 300)),
  // The framework turns numbers and booleans into texts.
  environment: z.optional(z.record(pattern(/^[A-Za-z][A-Za-z0-9_]*$/), z.string())),
  // An empty value is what `${env:NAME, ''}` gives for a variable that is not set: the setting is off.
  vpc: z.optional(z.strictObject({ vpcId: z.string(), subnetId: z.string() })),
  publicNetwork: z.optional(z.boolean()),
  eip: z.optional(z.boolean()),
  role: z.optional(z.string()),
  layers: z.optional(z.array(z.strictObject({ name: z.string(), version: z.int() })).check(z.maxLength(5))),
  tags: z.optional(texts),
  cls: z.optional(
    z.strictObject({
      retentionDays: z.optional(integer(1, 3600)),
      logsetId: z.optional(z.string()),
      topicId: z.optional(z.string()),
    }),
  ),
};

/** Keys of `provider` that this plugin knows. */
export const provider = z.object({
  ...shared,
  stage: z.optional(pattern(/^[a-zA-Z0-9-]+$/)),
  region: z.optional(pattern(/^([a-z]+-[a-z]+(-[a-z0-9]+)?)?$/)),
  build: z.optional(z.string()),
  codeBucket: z.optional(z.string()),
  requiredEnvironment: z.optional(z.array(z.string())),
  environmentFiles: z.optional(z.array(z.string())),
  alarms: z.optional(z.strictObject({ webhook: z.optional(z.string()), uin: z.optional(z.string()) })),
  customDomain: z.optional(z.strictObject({ domain: z.string(), certificateId: z.string(), routes: texts })),
});

const eventName = pattern(/^[A-Za-z0-9_-]{1,60}$/);
const corsConfig = z.strictObject({
  enable: z.optional(z.boolean()),
  origins: z.optional(z.array(z.string())),
  methods: z.optional(z.array(z.string())),
  headers: z.optional(z.array(z.string())),
  exposeHeaders: z.optional(z.array(z.string())),
  credentials: z.optional(z.boolean()),
  maxAge: z.optional(z.int()),
});
export const events = {
  http: z.strictObject({
    name: z.optional(eventName),
    parameters: z.strictObject({
      authType: z.enum(['NONE', 'CAM']),
      netConfig: z.optional(
        z.strictObject({
          enableIntranet: z.optional(z.boolean()),
          enableExtranet: z.optional(z.boolean()),
        }),
      ),
      corsConfig: z.optional(corsConfig),
    }),
  }),
  timer: z.strictObject({
    name: eventName,
    parameters: z.strictObject({
      cronExpression: z.string(),
      enable: z.optional(z.boolean()),
      argument: z.optional(z.string()),
    }),
  }),
};

/** Keys of `functions` that this plugin adds to those of the framework. */
export const own = z.object({
  ...shared,
  type: z.enum(['web', 'event']),
  src: z.string(),
  /** Not deployed while this environment variable is empty. */
  onlyWith: z.optional(z.string()),
  handler: z.optional(z.string()),
  description: z.optional(z.string()),
  instanceConcurrency: z.optional(integer(1, 100)),
  healthPath: z.optional(pattern(/^\//)),
});

export type ServerlessProvider = z.infer<typeof provider> & { name: string };

export type ServiceFunction = z.infer<typeof own> & {
  name?: string;
  package?: { artifact?: string };
  events?: { http?: z.infer<typeof events.http>; timer?: z.infer<typeof events.timer> }[];
};

export interface ServerlessService {
  service: string;
  configValidationMode?: string;
  provider: ServerlessProvider;
  functions: Record<string, ServiceFunction>;
}

/** In the form the framework takes: its messages know `patternProperties`, not `propertyNames`. */
function jsonSchema(schema: z.ZodMiniType) {
  return z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override({ jsonSchema: made }) {
      const { propertyNames, additionalProperties = {} } = made;
      if (typeof propertyNames !== 'object') return;
      delete made.propertyNames;
      if (propertyNames.pattern === undefined) return;
      made.patternProperties = { [propertyNames.pattern]: additionalProperties };
      made.additionalProperties = false;
    },
  });
}

/** For `defineProvider` of the framework. */
export const providerSchema = {
  provider: jsonSchema(provider),
  function: jsonSchema(own),
  functionEvents: { http: jsonSchema(events.http), timer: jsonSchema(events.timer) },
};
