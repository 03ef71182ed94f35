// WeCom's limits of gettoken.
import type { Clock } from './clock.ts';
import type { Settings } from './settings.ts';

const minuteMs = 60_000;
const hourMs = 3_600_000;

/**
 * Creates WeCom's limits of gettoken: successes per company and minute, wrong secrets per egress IP.
 * @see https://developer.work.weixin.qq.com/document/path/90312
 */
export function createGettokenLimits(clock: Clock, settings: Settings) {
  const successesAtMs = new Map<string, number[]>();
  let wrongSecretsAtMs: number[] = [];
  let bannedUntilMs = 0;

  return {
    banned: (): boolean => bannedUntilMs > clock.nowMs(),

    /** Ends the ban of the egress IP, as WeCom's self-service page does. Otherwise it ends after an hour. */
    liftBan(): void {
      bannedUntilMs = 0;
      wrongSecretsAtMs = [];
    },

    noteWrongSecret(): void {
      const now = clock.nowMs();
      wrongSecretsAtMs = [...wrongSecretsAtMs.filter((at) => at > now - hourMs), now];
      if (wrongSecretsAtMs.length < settings.wrongSecretMax) return;
      bannedUntilMs = now + hourMs;
      wrongSecretsAtMs = [];
    },

    /** Counts one successful call of the company. Returns false if this minute has none left. */
    takeSuccess(corpid: string): boolean {
      const max = settings.gettokenPerMinuteMax;
      if (max === null) return true;
      const now = clock.nowMs();
      const recent = (successesAtMs.get(corpid) ?? []).filter((at) => at > now - minuteMs);
      if (recent.length >= max) return false;
      successesAtMs.set(corpid, [...recent, now]);
      return true;
    },

    reset(): void {
      successesAtMs.clear();
      wrongSecretsAtMs = [];
      bannedUntilMs = 0;
    },
  };
}

/** What {@link createGettokenLimits} returns. */
export type GettokenLimits = ReturnType<typeof createGettokenLimits>;
