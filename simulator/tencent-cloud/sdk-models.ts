// Each member of each SCF request with its type, read from the declarations of the official SDK. The cloud refuses any
// other member. The declarations are generated, so their form is regular.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ApiError } from './api-error.ts';

interface Member {
  isRequired: boolean;
  type: string;
}

let known: Map<string, Map<string, Member>> | undefined;

function models(): Map<string, Map<string, Member>> {
  if (known) return known;
  const manifest = createRequire(import.meta.url).resolve('tencentcloud-sdk-nodejs-scf/package.json');
  const path = join(dirname(manifest), 'tencentcloud/services/scf/v20180416/scf_models.d.ts');
  known = new Map();
  for (const [, name = '', body = ''] of readFileSync(path, 'utf8').matchAll(
    /^export interface (\w+) \{\n([\s\S]*?)\n\}/gm,
  )) {
    const members = [...body.matchAll(/^ {4}(\w+)(\?)?: ([^;]+);/gm)];
    known.set(
      name,
      new Map(
        members.map(([, key = '', mark, type = '']) => [key, { isRequired: mark === undefined, type }]),
      ),
    );
  }
  return known;
}

/** Throws `UnknownParameter`, `MissingParameter` or `InvalidParameter` unless `given` is a request of this action. */
export function checkMembers(action: string, given: unknown): void {
  const name = `${action}Request`;
  if (models().has(name)) checkValue(name, given, '');
}

function checkValue(type: string, value: unknown, path: string): void {
  const element = /^Array<(.+)>$/.exec(type)?.[1];
  if (element !== undefined) {
    if (!Array.isArray(value)) throw wrongType(path);
    for (const [index, item] of value.entries()) checkValue(element, item, `${path}.${index}`);
    return;
  }
  const members = models().get(type);
  if (!members) {
    const isNumber = type === 'number' || type === 'bigint';
    if (typeof value !== (isNumber ? 'number' : type)) throw wrongType(path);
    return;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(path);
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  for (const [key, item] of Object.entries(value)) {
    const member = members.get(key);
    if (!member) throw new ApiError('UnknownParameter', `The parameter \`${at(key)}\` is not recognized.`);
    if (item !== null) checkValue(member.type, item, at(key));
  }
  for (const [key, { isRequired }] of members) {
    if (isRequired && !(key in value))
      throw new ApiError('MissingParameter', `The request is missing a required parameter \`${at(key)}\`.`);
  }
}

function wrongType(path: string): ApiError {
  return new ApiError('InvalidParameter', `The value type of parameter \`${path}\` is not valid.`);
}
