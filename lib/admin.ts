// What an operator may ask about one person, from inside the VPC. The event comes from anyone who may invoke the function
// with the deployer's cloud credentials; its shape is checked all the same. SCF logs the answer, so it holds nothing that
// opens a session.
import * as z from 'zod/mini';
import { AppError } from './errors.ts';
import type { Sessions } from './session.ts';

const requestSchema = z.strictObject({
  action: z.enum(['list', 'end']),
  corpid: z.string().check(z.maxLength(64)),
  userid: z.string().check(z.minLength(1), z.maxLength(64)),
});

/** Whether an operator asks what is wrong (`{"action": "diagnose"}`) and not about a person. */
export function asksDiagnosis(event: unknown): boolean {
  return z.strictObject({ action: z.literal('diagnose') }).safeParse(event).success;
}

/**
 * Lists or ends the sessions of one person. A reviewer's corpid is `''`. Rejects with `invalid_request` or
 * `temporarily_unavailable`.
 */
export async function answerAdmin(event: unknown, sessions: Sessions): Promise<object> {
  const result = requestSchema.safeParse(event);
  if (!result.success) throw new AppError('invalid_request', { reason: 'shape' });
  const { action, ...person } = result.data;
  if (action === 'list') {
    const list = await sessions.list(person);
    return {
      sessions: list.map(({ role, startedAt, seenAt, expiresInSeconds, deviceHash }) => ({
        role,
        started_at: new Date(startedAt).toISOString(),
        seen_at: new Date(seenAt).toISOString(),
        expires_in: expiresInSeconds,
        device: deviceHash,
      })),
    };
  }
  return { ended: await sessions.endAll(person, { reason: 'operator' }) };
}
