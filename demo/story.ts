// The story: every step does something real, shows the calls that it caused, and says what it expected.
import * as z from 'zod/mini';
import type { Call as SimulatorCall } from '../simulator/wecom/calls.ts';
import { type Call, prepare } from './mini-program.ts';
import { member, memberOutOfRange, stranger } from './people.ts';
import { createRushHour } from './rush-hour.ts';
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

const loginAnswer = z.object({
  session_token: z.string(),
  expires_in: z.number(),
  member: z.object({ corpid: z.string(), userid: z.string(), name: z.string(), position: z.string() }),
});
const sessionAnswer = z.omit(loginAnswer, { session_token: true });
const errorAnswer = z.object({ error: z.string(), message: z.string() });

/** @param login stays up after the story; the rush hour brings 20 more of its own */
export function createSteps(world: World, login: LoginFunction): Step[] {
  const rush = createRushHour(world);
  let sessionToken = '';
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

  const logIn = (stage: Stage, js_code: string) =>
    send(stage, { method: 'POST', path: '/login', body: { js_code } });

  async function expectRefusal(stage: Stage, jsCode: string, status: number, error: string, why: string) {
    const answer = await logIn(stage, jsCode);
    const got = `${answer.status} ${errorAnswer.safeParse(answer.body).data?.error ?? ''}`;
    stage.expect(`${status} ${error}: ${why}`, got === `${status} ${error}`, got);
  }

  return [
    {
      title: 'A member logs in',
      async play(stage) {
        const answer = await logIn(stage, world.wecom.createJsCode(member));
        const { data } = loginAnswer.safeParse(answer.body);
        stage.expect('let in, by name', answer.status === 200 && data?.member.name === member.name);
        stage.expect(
          'no gettoken: the timer had fetched the access_token for everybody',
          answer.line.wecom.map(endpointOf).join() === 'jscode2session,user/get',
        );
        sessionToken = data?.session_token ?? '';
      },
    },
    {
      title: 'The mini-program asks who is logged in',
      async play(stage) {
        const answer = await send(stage, { method: 'GET', path: '/session', sessionToken });
        const { data } = sessionAnswer.safeParse(answer.body);
        stage.expect('the same member', answer.status === 200 && data?.member.userid === member.userid);
        stage.expect('WeCom is not asked again', answer.line.wecom.length === 0);
      },
    },
    rush.allAtOnce,
    rush.tokenDropped,
    {
      title: 'Somebody of another company is refused',
      play: (stage) =>
        expectRefusal(
          stage,
          world.wecom.createJsCode(stranger),
          403,
          'corp_not_allowed',
          'WeCom accepts the code, the company is not ours',
        ),
    },
    {
      title: `A member outside the visible range is refused (${memberOutOfRange.name})`,
      play: (stage) =>
        expectRefusal(
          stage,
          world.wecom.createJsCode(memberOutOfRange),
          403,
          'member_not_allowed',
          'the administrator did not give the app to this member',
        ),
    },
    {
      title: 'A code that was already used is refused',
      async play(stage) {
        const jsCode = world.wecom.createJsCode(member);
        const first = await logIn(stage, jsCode);
        stage.expect('the first use logs in', first.status === 200, String(first.status));
        sessionToken = loginAnswer.safeParse(first.body).data?.session_token ?? '';
        await expectRefusal(stage, jsCode, 400, 'invalid_js_code', 'the second use does not');
      },
    },
    {
      title: 'The member logs out',
      async play(stage) {
        const logout = await send(stage, { method: 'DELETE', path: '/session', sessionToken });
        stage.expect('204, logged out', logout.status === 204, String(logout.status));
        const after = await send(stage, { method: 'GET', path: '/session', sessionToken });
        stage.expect('401 invalid_session: the session is gone', after.status === 401, String(after.status));
      },
    },
  ];
}

/** Secrets of one use or of half an hour are shortened all the same. */
const short = (secret: string) => `${secret.slice(0, 9)}…`;

function describeInput({ body, sessionToken }: Pick<Call, 'body' | 'sessionToken'>): string {
  if (sessionToken !== undefined) return `  Authorization: Bearer ${short(sessionToken)}`;
  const { data } = z.safeParse(z.object({ js_code: z.string() }), body);
  return data ? `  {"js_code":"${short(data.js_code)}"}` : '';
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
