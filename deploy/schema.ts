// What serverless.yml may say. The framework checks it before anything runs and names the key that is wrong.

const text = { type: 'string' };
const switchable = { type: 'boolean' };
/** An empty value is what `${env:NAME, ''}` gives for a variable that is not set: the setting is off. */
const vpc = {
  type: 'object',
  properties: { vpcId: text, subnetId: text },
  required: ['vpcId', 'subnetId'],
  additionalProperties: false,
};
const environment = {
  type: 'object',
  patternProperties: { '^[A-Za-z][A-Za-z0-9_]*$': { anyOf: [text, { type: 'number' }, switchable] } },
  additionalProperties: false,
};
const tags = { type: 'object', additionalProperties: text };
const layers = {
  type: 'array',
  maxItems: 5,
  items: {
    type: 'object',
    properties: { name: text, version: { type: 'integer' } },
    required: ['name', 'version'],
    additionalProperties: false,
  },
};
const cls = {
  type: 'object',
  properties: {
    retentionDays: { type: 'integer', minimum: 1, maximum: 3600 },
    logsetId: text,
    topicId: text,
  },
  additionalProperties: false,
};

/** Settings a function takes from `provider` unless it has its own. */
const shared = {
  runtime: text,
  memorySize: { type: 'integer', minimum: 64, maximum: 3072 },
  timeout: { type: 'integer', minimum: 1, maximum: 900 },
  initTimeout: { type: 'integer', minimum: 3, maximum: 300 },
  environment,
  vpc,
  publicNetwork: switchable,
  eip: switchable,
  role: text,
  layers,
  tags,
  cls,
};

const eventName = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,60}$' };

export const providerSchema = {
  provider: {
    properties: {
      ...shared,
      stage: { type: 'string', pattern: '^[a-zA-Z0-9-]+$' },
      region: { type: 'string', pattern: '^([a-z]+-[a-z]+(-[a-z0-9]+)?)?$' },
      build: text,
      codeBucket: text,
      requiredEnvironment: { type: 'array', items: text },
      environmentFiles: { type: 'array', items: text },
      alarms: {
        type: 'object',
        properties: { webhook: text, uin: text },
        additionalProperties: false,
      },
      customDomain: {
        type: 'object',
        properties: {
          domain: text,
          certificateId: text,
          routes: { type: 'object', additionalProperties: text },
        },
        required: ['domain', 'certificateId', 'routes'],
        additionalProperties: false,
      },
    },
  },
  function: {
    properties: {
      ...shared,
      type: { enum: ['web', 'event'] },
      src: text,
      onlyWith: text,
      handler: text,
      description: text,
      instanceConcurrency: { type: 'integer', minimum: 1, maximum: 100 },
      healthPath: { type: 'string', pattern: '^/' },
    },
    required: ['type', 'src'],
  },
  functionEvents: {
    http: {
      type: 'object',
      properties: {
        name: eventName,
        parameters: {
          type: 'object',
          properties: {
            authType: { enum: ['NONE', 'CAM'] },
            netConfig: {
              type: 'object',
              properties: { enableIntranet: switchable, enableExtranet: switchable },
              additionalProperties: false,
            },
            corsConfig: {
              type: 'object',
              properties: {
                enable: switchable,
                origins: { type: 'array', items: text },
                methods: { type: 'array', items: text },
                headers: { type: 'array', items: text },
                exposeHeaders: { type: 'array', items: text },
                credentials: switchable,
                maxAge: { type: 'integer' },
              },
              additionalProperties: false,
            },
          },
          required: ['authType'],
          additionalProperties: false,
        },
      },
      required: ['parameters'],
      additionalProperties: false,
    },
    timer: {
      type: 'object',
      properties: {
        name: eventName,
        parameters: {
          type: 'object',
          properties: { cronExpression: text, enable: switchable, argument: text },
          required: ['cronExpression'],
          additionalProperties: false,
        },
      },
      required: ['name', 'parameters'],
      additionalProperties: false,
    },
  },
};
