// One request of the story: sends it, shows all calls it caused, and compares the function's log with the calls that
// WeCom received.
import * as z from 'zod/mini';
import { type Bilingual, both } from '../scripts/language.ts';
import type { Call as SimulatorCall } from '../simulator/wecom/calls.ts';
import { type Call, prepare } from './mini-program.ts';
import { actors, callTexts } from './texts.ts';
import { describeRedis, describeWecomCall, endpointOf, type Screen, type Words } from './screen.ts';
import { Trouble } from '../scripts/trouble.ts';
import type { LoginFunction, RequestLine, World } from './world.ts';

/** What a step uses to show its progress. */
export interface Stage extends Pick<Screen, 'line' | 'lineUnderWay'> {
  /** Shows an expectation; if it is not met, the step fails. `got` is what happened instead. */
  expect: (expected: Bilingual, kept: boolean, got?: Words) => void;
}

/** A step of the story. */
export interface Step {
  title: Bilingual;
  play: (stage: Stage) => Promise<void>;
}

export const loginAnswer = z.object({
  session_token: z.string(),
  expires_in: z.number(),
  member: z.object({ corpid: z.string(), userid: z.string(), name: z.string(), position: z.string() }),
});
export const sessionAnswer = z.omit(loginAnswer, { session_token: true });
export const errorAnswer = z.object({ error: z.string(), message: z.string() });

/** What {@link createExchange} returns. */
export type Exchange = ReturnType<typeof createExchange>;

export function createExchange(world: World, login: LoginFunction) {
  let requests = 0;

  /** Sends one request and shows the calls it caused. */
  async function send(stage: Stage, request: Omit<Call, 'scfRequestId'>) {
    requests += 1;
    const call: Call = { ...request, scfRequestId: `story-${requests}` };
    const seen: SimulatorCall[] = [];
    const unsubscribe = world.wecom.onCall((wecomCall) => seen.push(wecomCall));
    const answer = await prepare(login.url, call)();
    if (answer.status === 0) throw new Trouble(callTexts.noResponse(String(answer.body['error'])));
    const line = await login.logged(call.scfRequestId);
    unsubscribe();

    stage.line(actors.toLogin, `${call.method} ${call.path}${describeInput(call)}`);
    for (const wecomCall of line.wecom) stage.line(actors.loginToWecom, describeWecomCall(wecomCall));
    stage.line(actors.loginToRedis, describeRedis(line));
    const answered = callTexts.answered(answer.status, Math.round(answer.ms));
    const body = describeBody(answer.body);
    stage.line(
      actors.fromLogin,
      both((language) => answered[language] + body[language]),
    );
    if (logged(line) !== happened(seen)) {
      stage.expect(callTexts.wecomReceived, false, callTexts.itReceived(happened(seen)));
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
    why: Bilingual,
  ) {
    const answer = await logIn(stage, body);
    const got = `${answer.status} ${errorAnswer.safeParse(answer.body).data?.error ?? ''}`;
    stage.expect(callTexts.because(status, error, why), got === `${status} ${error}`, got);
  }

  return { send, logIn, expectRefusal };
}

/** Shortens a secret, even if it can be used only once or for half an hour. */
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

function describeBody(body: Record<string, unknown>): Bilingual {
  const { data: refusal } = errorAnswer.safeParse(body);
  if (refusal) return both(() => `  ${refusal.error}`);
  const { data: session } = sessionAnswer.safeParse(body);
  if (!session) return both(() => '');
  const { name, position, userid } = session.member;
  return callTexts.sessionEnds(`${name} ${position} (${userid})`, session.expires_in);
}

/** Returns the function's calls of WeCom by its log, without gettoken, which the timer may call at the same time. */
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
