// One request of the story: sends it, shows everything that it caused, and compares what the function logged with
// what WeCom saw.
import * as z from 'zod/mini';
import type { Call as SimulatorCall } from '../simulator/wecom/calls.ts';
import { type Call, prepare } from './mini-program.ts';
import { describeRedis, describeWecomCall, endpointOf, type Screen } from './screen.ts';
import type { LoginFunction, RequestLine, World } from './world.ts';

/** What a step says about itself. */
export interface Stage extends Pick<Screen, 'line' | 'lineUnderWay'> {
  /** A promise of the story; a broken one makes the step fail. `got` says what came instead. */
  expect: (expected: string, kept: boolean, got?: string) => void;
}

/** A step of the story. */
export interface Step {
  title: string;
  play: (stage: Stage) => Promise<void>;
}

export const loginAnswer = z.object({
  session_token: z.string(),
  expires_in: z.number(),
  member: z.object({ corpid: z.string(), userid: z.string(), name: z.string(), position: z.string() }),
});
export const sessionAnswer = z.omit(loginAnswer, { session_token: true });
export const errorAnswer = z.object({ error: z.string(), message: z.string() });

/** What {@link createExchange} makes. */
export type Exchange = ReturnType<typeof createExchange>;

export function createExchange(world: World, login: LoginFunction) {
  let requests = 0;

  /** Sends one request and shows everything it caused, from the function's log, compared with WeCom's. */
  async function send(stage: Stage, request: Omit<Call, 'scfRequestId'>) {
    requests += 1;
    const call: Call = { ...request, scfRequestId: `story-${requests}` };
    const seen: SimulatorCall[] = [];
    const unsubscribe = world.wecom.onCall((wecomCall) => seen.push(wecomCall));
    const answer = await prepare(login.url, call)();
    if (answer.status === 0)
      throw new Error(`the login function did not answer: ${String(answer.body['error'])}`);
    const line = await login.logged(call.scfRequestId);
    unsubscribe();

    stage.line('mini-program → login', `${call.method} ${call.path}${describeInput(call)}`);
    for (const wecomCall of line.wecom) stage.line('login → WeCom', describeWecomCall(wecomCall));
    stage.line('login → Redis', describeRedis(line));
    stage.line(
      'login → mini-program',
      `${answer.status} after ${Math.round(answer.ms)} ms${describeBody(answer.body)}`,
    );
    if (logged(line) !== happened(seen)) {
      stage.expect('WeCom saw these calls', false, `it saw: ${happened(seen) || 'none'}`);
    }
    return { ...answer, line };
  }

  const logIn = (stage: Stage, body: { js_code: string; corpid?: string }) =>
    send(stage, { method: 'POST', path: '/login', body });

  async function expectRefusal(
    stage: Stage,
    body: { js_code: string },
    status: number,
    error: string,
    why: string,
  ) {
    const answer = await logIn(stage, body);
    const got = `${answer.status} ${errorAnswer.safeParse(answer.body).data?.error ?? ''}`;
    stage.expect(`${status} ${error}: ${why}`, got === `${status} ${error}`, got);
  }

  return { send, logIn, expectRefusal };
}

/** Secrets of one use or of half an hour are shortened all the same. */
function short(secret: string) {
  return `${secret.slice(0, 9)}…`;
}

function describeInput({ body, sessionToken }: Pick<Call, 'body' | 'sessionToken'>): string {
  if (sessionToken !== undefined) return `  Authorization: Bearer ${short(sessionToken)}`;
  if (!body) return '';
  const shown = Object.entries(body).map(([name, value]) => {
    if (name === 'password') return [name, '…'];
    return [name, name === 'js_code' ? short(String(value)) : value];
  });
  return `  ${JSON.stringify(Object.fromEntries(shown))}`;
}

function describeBody(body: Record<string, unknown>): string {
  const { data: refusal } = errorAnswer.safeParse(body);
  if (refusal) return `  ${refusal.error}`;
  const { data: session } = sessionAnswer.safeParse(body);
  if (!session) return '';
  const { name, position, userid } = session.member;
  return `  ${name} ${position} (${userid}), session ends in ${session.expires_in} s`;
}

/** What the function says it asked of WeCom; without gettoken, which the timer may call at the same moment. */
function logged({ wecom }: RequestLine): string {
  const calls = wecom.map((call) => `${endpointOf(call)} ${call.errcode ?? 0}`);
  return calls.filter((call) => !call.startsWith('gettoken')).join(', ');
}

function happened(calls: readonly SimulatorCall[]): string {
  return calls
    .filter(({ endpoint }) => endpoint !== 'gettoken')
    .map(({ endpoint, errcode }) => `${endpoint} ${errcode ?? 'unanswered'}`)
    .join(', ');
}
