// serverless.yml as `npm run dev` needs it: which functions there are, what each gets, and the routes. The framework itself
// takes two seconds for that, so the few variables that the file uses are resolved here; any other is an error.
import { readFileSync } from 'node:fs';
import yaml from 'js-yaml';
import * as z from 'zod/mini';
import { events, own, provider } from '../deploy/manifest.ts';
import type { Environment } from '../simulator/functions.ts';
import { Trouble } from '../scripts/trouble.ts';
import { troubleTexts } from './texts.ts';

const schema = z.object({
  provider: z.pick(provider, { timeout: true, customDomain: true }),
  functions: z.record(
    z.string(),
    z.extend(z.pick(own, { type: true, src: true, onlyWith: true, timeout: true }), {
      environment: z.optional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))),
      events: z.optional(z.array(z.partial(z.object(events)))),
    }),
  ),
});

/** A function as serverless.yml has it. */
export interface ManifestFunction {
  type: 'web' | 'event';
  /** Only the variables that the deployed function would get. */
  environment: Environment;
  timeoutSeconds: number;
  timers: { name: string; cron: string; argument: string }[];
}

/** What {@link readManifest} returns. */
export interface Manifest {
  functions: Map<string, ManifestFunction>;
  /** Those that are not deployed, because the variable of their `onlyWith` is empty. */
  off: Set<string>;
  /** Path, as `/hello` or `/hello/*`, → name of the function. */
  routes: [path: string, name: string][];
}

/**
 * Reads serverless.yml of the current folder.
 *
 * @param variables what `${env:NAME}` takes its values from
 * @throws Trouble that names the key, or the line
 */
export function readManifest(variables: Record<string, string | undefined>, stage: string): Manifest {
  const text = readFileSync('serverless.yml', 'utf8');
  const found = schema.safeParse(resolved(parsed(text), variables, stage));
  if (!found.success) {
    const [issue] = found.error.issues;
    throw new Trouble(troubleTexts.manifest(issue?.path.join('.') ?? ''));
  }
  const { provider: shared, functions: given } = found.data;
  const deployed = Object.entries(given).filter(([, { onlyWith }]) => !onlyWith || variables[onlyWith]);
  const functions = new Map(
    deployed.map(([name, each]) => [
      name,
      {
        type: each.type,
        environment: Object.fromEntries(
          Object.entries(each.environment ?? {}).map(([key, value]) => [key, String(value)]),
        ),
        timeoutSeconds: each.timeout ?? shared.timeout ?? 3,
        timers: (each.events ?? []).flatMap(({ timer }) =>
          timer && timer.parameters.enable !== false
            ? [
                {
                  name: timer.name,
                  cron: timer.parameters.cronExpression,
                  argument: timer.parameters.argument ?? '',
                },
              ]
            : [],
        ),
      },
    ]),
  );
  const routes = Object.entries(shared.customDomain?.routes ?? {});
  for (const [path, name] of routes) {
    if (given[name]?.type !== 'web') {
      throw new Trouble(troubleTexts.noWebFunction(path, name));
    }
  }
  return {
    functions,
    off: new Set(Object.keys(given).filter((name) => !functions.has(name))),
    routes: routes.filter(([, name]) => functions.has(name)),
  };
}

function parsed(text: string): unknown {
  try {
    return yaml.safeLoad(text);
  } catch (error) {
    // Its message goes on with an excerpt.
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Trouble(troubleTexts.notYaml(reason ?? ''));
  }
}

/** Replaces the variables in all texts of `value`. */
function resolved(value: unknown, variables: Record<string, string | undefined>, stage: string): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{([^}]*)\}/g, (whole, inside: string) => {
      const [, name, otherwise = ''] = /^env:(\w+)(?:, *'([^']*)')?$/.exec(inside) ?? [];
      if (name !== undefined) return variables[name] ?? otherwise;
      if (/^opt:stage\b|^self:provider\.stage$/.test(inside)) return stage;
      throw new Trouble(troubleTexts.unknownVariable(whole));
    });
  }
  if (Array.isArray(value)) return value.map((each) => resolved(each, variables, stage));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, resolved(each, variables, stage)]),
  );
}
