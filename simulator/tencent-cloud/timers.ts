// Runs timer triggers by their cron expression (seven fields, UTC+8) with the event that SCF sends.
import { Cron } from 'croner';
import { ApiError } from './api-error.ts';
import type { EventAnswer, Runner } from './runner.ts';
import { resolveQualifier } from './scf-functions.ts';
import { cronOf } from './scf-triggers.ts';
import type { StateFile, StoredFunction, StoredTrigger } from './state.ts';

export function createTimers(state: StateFile, runner: Runner, now: () => number) {
  const running = new Map<string, Cron>();

  async function run(fn: StoredFunction, trigger: StoredTrigger): Promise<EventAnswer> {
    const event = {
      Type: 'Timer',
      TriggerName: trigger.TriggerName,
      Time: new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      Message: trigger.CustomArgument,
    };
    return runner.event(fn, resolveQualifier(fn, trigger.Qualifier), event, ' TriggerSrc:timer');
  }

  return {
    /** Starts the timers of new triggers and stops those of changed or removed ones. */
    reconcile(): void {
      const wanted = new Map<string, () => Cron>();
      for (const fn of Object.values(state.data.functions)) {
        for (const trigger of fn.triggers) {
          if (trigger.Type !== 'timer' || trigger.Enable === 0) continue;
          const cron = cronOf(trigger);
          wanted.set(
            JSON.stringify([
              fn.FunctionId,
              trigger.TriggerName,
              trigger.Qualifier,
              cron,
              trigger.CustomArgument,
            ]),
            () =>
              new Cron(
                cron,
                { timezone: 'Asia/Shanghai', unref: true, catch: true },
                async () => void (await run(fn, trigger)),
              ),
          );
        }
      }
      for (const [key, cron] of running) {
        if (wanted.has(key)) continue;
        cron.stop();
        running.delete(key);
      }
      for (const [key, start] of wanted) if (!running.has(key)) running.set(key, start());
    },

    async fire(functionName: string, triggerName: string): Promise<EventAnswer> {
      const fn = state.data.functions[functionName];
      const trigger = fn?.triggers.find(
        ({ Type, TriggerName }) => Type === 'timer' && TriggerName === triggerName,
      );
      if (!fn || !trigger)
        throw new ApiError('ResourceNotFound.Trigger', `${functionName} has no timer ${triggerName}.`);
      return run(fn, trigger);
    },

    stop(): void {
      for (const cron of running.values()) cron.stop();
      running.clear();
    },
  };
}
