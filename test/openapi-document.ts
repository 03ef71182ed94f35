// docs/openapi.json for the tests: what it promises, and whether a response keeps the promise.
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import * as z from 'zod';
import type { Answer } from './world.ts';

export type Schema = Parameters<typeof z.fromJSONSchema>[0];

interface DocumentedResponse {
  headers?: Record<string, Reference>;
  content?: Record<string, { schema: Schema & { oneOf?: Reference[]; $ref?: string } }>;
}
interface Reference {
  $ref: string;
}
interface Operation {
  tags: string[];
  requestBody?: { content: Record<string, { schema: Schema; example: unknown }> };
  responses: Record<string, DocumentedResponse | Reference>;
}
interface ErrorSchema {
  description?: string;
  properties?: { error?: { const?: string } };
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: {
    headers: Record<string, { schema: Schema }>;
    responses: Record<string, DocumentedResponse & { description: string }>;
    schemas: Record<string, ErrorSchema>;
  };
}

// Responses may gain fields, so the document allows more. For the tests each field must be documented.
export const { paths, components } = JSON.parse(readFileSync('docs/openapi.json', 'utf8'), (_, value) =>
  value?.type === 'object' && value.properties ? { additionalProperties: false, ...value } : value,
) as Document;

const schemasInPlace = JSON.parse(
  JSON.stringify(components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
) as Record<string, Schema>;

/** Each as `POST /login`, with what the document says of it. */
export const operations: Record<string, Operation> = Object.fromEntries(
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation]),
  ),
);

/** Everything that it promises, each as `POST /login 400 invalid_js_code`, without a code where it is no error. */
export const promises: string[] = Object.entries(operations).flatMap(([name, { responses }]) =>
  Object.entries(responses).flatMap(([status, node]) =>
    codesOf(responseOf(node)).map((code) => `${name} ${status} ${code}`.trim()),
  ),
);

/** Whether a value is as the schema says; schemas of the document may be referred to. */
export function fits(schema: Schema, value: unknown): boolean {
  const inPlace = JSON.parse(
    JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/'),
  ) as object;
  return z.fromJSONSchema({ ...inPlace, $defs: schemasInPlace } as Schema).safeParse(value).success;
}

/** The status, the headers and the body are those of this promise. */
export function expectPromised(promise: string, answer: Answer): void {
  const [method = '', path = '', status = ''] = promise.split(' ');
  const code = answer.body['error'];
  const given = `${method} ${path} ${answer.status} ${typeof code === 'string' ? code : ''}`;
  expect(given.trim()).toBe(promise);
  expect(promises).toContain(promise);
  const node = operations[`${method} ${path}`]?.responses[status];
  if (node) expectFits(responseOf(node), answer);
}

/** Exactly these headers of those that the document knows, with fitting values, and a fitting body. */
export function expectFits(response: DocumentedResponse, { headers, text }: Answer): void {
  const sent = Object.keys(components.headers).filter((name) => headers.has(name));
  expect(sent.toSorted()).toEqual(Object.keys(response.headers ?? {}).toSorted());
  for (const name of sent) {
    expect(fits(components.headers[name]?.schema ?? false, headers.get(name)), name).toBe(true);
  }
  const [[type, content] = []] = Object.entries(response.content ?? {});
  expect(headers.get('content-type')?.split(';')[0]).toBe(type);
  const body: unknown = type === 'application/json' ? JSON.parse(text) : text;
  expect(content ? fits(content.schema, body) : text === '', text).toBe(true);
}

function responseOf(node: DocumentedResponse | Reference): DocumentedResponse {
  if (!('$ref' in node)) return node;
  const response = components.responses[nameOf(node)];
  if (!response) throw new Error(`docs/openapi.json: there is no ${node.$ref}`);
  return response;
}

function codesOf({ content = {} }: DocumentedResponse): string[] {
  const { schema } = content['application/json'] ?? {};
  const references = schema?.oneOf ?? (schema?.$ref === undefined ? [] : [{ $ref: schema.$ref }]);
  const codes = references.map((one) => components.schemas[nameOf(one)]?.properties?.error?.const);
  const known = codes.filter((code) => code !== undefined);
  return known.length > 0 ? known : [''];
}

function nameOf({ $ref }: Reference): string {
  return $ref.slice($ref.lastIndexOf('/') + 1);
}
