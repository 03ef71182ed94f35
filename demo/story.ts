// The story: each step does something real, shows the calls it caused, and says what it expected.
import { type Exchange, loginAnswer, sessionAnswer, type Step } from './exchange.ts';
import { member, memberOutOfRange, stranger } from './people.ts';
import { createRushHour } from './rush-hour.ts';
import { endpointOf } from './screen.ts';
import type { World } from './world.ts';

/** Creates the first steps. The rush hour starts its own login functions. */
export function createSteps(world: World, { send, logIn, expectRefusal }: Exchange): Step[] {
  const rush = createRushHour(world);
  let sessionToken = '';

  return [
    {
      title: 'A member logs in',
      async play(stage) {
        const answer = await logIn(stage, { js_code: world.wecom.createJsCode(member) });
        const { data } = loginAnswer.safeParse(answer.body);
        stage.expect(
          'logged in, with their name',
          answer.status === 200 && data?.member.name === member.name,
        );
        stage.expect(
          'no gettoken: the timer had already fetched the access_token',
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
      title: 'A member of another company is refused',
      play: (stage) =>
        expectRefusal(
          stage,
          { js_code: world.wecom.createJsCode(stranger) },
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
          { js_code: world.wecom.createJsCode(memberOutOfRange) },
          403,
          'member_not_allowed',
          'the administrator did not give the app to this member',
        ),
    },
    {
      title: 'A code that was already used is refused',
      async play(stage) {
        const body = { js_code: world.wecom.createJsCode(member) };
        const first = await logIn(stage, body);
        stage.expect('the first use logs in', first.status === 200, String(first.status));
        sessionToken = loginAnswer.safeParse(first.body).data?.session_token ?? '';
        await expectRefusal(stage, body, 400, 'invalid_js_code', 'the second use does not');
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
