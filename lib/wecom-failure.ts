// What happens after a call to WeCom failed: the operator's log line, and the public error.
import { type Clock, oncePer } from './clock.ts';
import { type AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import type { WecomError } from './wecom.ts';

/** A client that sends such codes must not fill the log with alarms. */
const logUnknownAgainMs = 60_000;

/** Returns a function that logs why a call failed and returns `temporarily_unavailable`, whose `cause` is the failure. */
export function createWecomFailure(clock: Clock, log: Log): (error: WecomError) => AppError {
  const mayLogUnknown = oncePer(clock, logUnknownAgainMs);
  return (error) => {
    switch (error.reaction) {
      case 'rate_limited':
        log('error', 'wecom_rate_limited', { ...error.fields });
        return unavailable('wecom_rate_limited', 60, error);
      case 'operator':
        const untrusted = error.meaning === 'ip_not_trusted';
        log('error', untrusted ? 'wecom_ip_not_trusted' : 'wecom_misconfigured', { ...error.fields });
        return unavailable(`wecom_errcode_${error.errcode}`, 5, error);
      case 'unknown':
        if (mayLogUnknown()) log('error', 'wecom_misconfigured', { ...error.fields });
        return unavailable(`wecom_errcode_${error.errcode}`, 5, error);
      default:
        log('error', 'wecom_failed', { ...error.fields });
        return unavailable('wecom_failed', 2, error);
    }
  };
}
