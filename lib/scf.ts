// All that is known of Tencent Cloud's functions: how they start and what they are called with.
import { type Clock, elapsedMs, moment } from './clock.ts';
import { ConfigError } from './environment.ts';
import { createLog, type Log, openRecord, requestRecord, writeInTurns } from './log.ts';

interface Configured {
  secrets: readonly string[];
}

/**
 * Runs a Web function: reads the configuration, hands it to `main`, and ends the process with code 1 when
 * either fails, or when something throws outside of a request; SCF then starts a new one.
 */
export function startWebFunction<Config extends Configured>(
  readConfig: () => Config,
  main: (config: Config, log: Log) => void,
): void {
  const configured = configure(readConfig, writeInTurns());
  if (!configured) process.exit(1);
  const { config, log } = configured;
  const crash = (thrown: unknown) => {
    log('error', 'crashed', { thrown: thrown instanceof Error ? thrown : String(thrown) });
    process.exit(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  main(config, log);
}

/** @see https://cloud.tencent.com/document/product/583/9210 */
export interface EventContext {
  request_id?: string;
  callbackWaitsForEmptyEventLoop?: boolean;
}

/**
 * Makes what SCF calls in an event function. SCF writes what it returns into its own log (RetMsg).
 *
 * With an unusable configuration every call fails, after one log line that names all problems. An event with HTTP in it is
 * refused: these functions have no HTTP trigger.
 */
export function createMainHandler<Config extends Configured>(
  clock: Clock,
  readConfig: () => Config,
  handle: (config: Config, log: Log, event: unknown) => Promise<object>,
) {
  const configured = configure(readConfig);
  return async (event: unknown, context: EventContext): Promise<object> => {
    // An open socket must not keep the invocation running until SCF's timeout.
    context.callbackWaitsForEmptyEventLoop = false;
    if (!configured) throw new Error('the configuration is not usable; see the log line config_invalid');
    const { config, log } = configured;
    const start = moment(clock);
    const record = openRecord(scfRequestId(context.request_id) ?? '');
    return requestRecord.run(record, async () => {
      if (typeof event === 'object' && event !== null && ('httpMethod' in event || 'headers' in event)) {
        log('error', 'unexpected_event');
        throw new Error('this function answers no HTTP');
      }
      try {
        return await handle(config, log, event);
      } finally {
        log('info', 'invoked', { ms: Math.round(elapsedMs(clock, start)), ...record.spent });
      }
    });
  };
}

/** @param write as in `createLog` */
function configure<Config extends Configured>(
  readConfig: () => Config,
  write?: (line: string) => void,
): { config: Config; log: Log } | undefined {
  try {
    const config = readConfig();
    return { config, log: createLog(config.secrets, write) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    createLog([], write)('error', 'config_invalid', { problems: error.problems });
    return undefined;
  }
}

/** SCF's id of this invocation, as in SCF's own log lines. */
export function scfRequestId(header: string | undefined): string | undefined {
  return /^[\w-]{1,64}$/.exec(header ?? '')?.[0];
}
