// The story: each step does something real, shows the calls it caused, and says what it expected.
import { type Exchange, loginAnswer, sessionAnswer, type Step } from './exchange.ts';
import { member, memberOutOfRange, stranger } from './people.ts';
import { createRushHour } from './rush-hour.ts';
import { endpointOf } from './screen.ts';
import { storyTexts } from './texts.ts';
import type { World } from './world.ts';

/** Creates the first steps. The rush hour starts its own login functions. */
export function createSteps(world: World, { send, logIn, expectRefusal }: Exchange): Step[] {
  const rush = createRushHour(world);
  let sessionToken = '';

  return [
    {
      title: storyTexts.memberLogsIn,
      async play(stage) {
        const answer = await logIn(stage, { js_code: world.wecom.createJsCode(member) });
        const { data } = loginAnswer.safeParse(answer.body);
        stage.expect(storyTexts.withName, answer.status === 200 && data?.member.name === member.name);
        stage.expect(
          storyTexts.noGettoken,
          answer.line.wecom.map(endpointOf).join() === 'jscode2session,user/get',
        );
        sessionToken = data?.session_token ?? '';
      },
    },
    {
      title: storyTexts.whoIsLoggedIn,
      async play(stage) {
        const answer = await send(stage, { method: 'GET', path: '/session', sessionToken });
        const { data } = sessionAnswer.safeParse(answer.body);
        stage.expect(storyTexts.sameMember, answer.status === 200 && data?.member.userid === member.userid);
        stage.expect(storyTexts.notAskedAgain, answer.line.wecom.length === 0);
      },
    },
    rush.allAtOnce,
    rush.tokenDropped,
    {
      title: storyTexts.otherCompany,
      play: (stage) =>
        expectRefusal(
          stage,
          { js_code: world.wecom.createJsCode(stranger) },
          403,
          'corp_not_allowed',
          storyTexts.otherCompanyWhy,
        ),
    },
    {
      title: storyTexts.outOfRange(memberOutOfRange.name),
      play: (stage) =>
        expectRefusal(
          stage,
          { js_code: world.wecom.createJsCode(memberOutOfRange) },
          403,
          'member_not_allowed',
          storyTexts.outOfRangeWhy,
        ),
    },
    {
      title: storyTexts.codeUsed,
      async play(stage) {
        const body = { js_code: world.wecom.createJsCode(member) };
        const first = await logIn(stage, body);
        stage.expect(storyTexts.firstUse, first.status === 200, String(first.status));
        sessionToken = loginAnswer.safeParse(first.body).data?.session_token ?? '';
        await expectRefusal(stage, body, 400, 'invalid_js_code', storyTexts.secondUse);
      },
    },
    {
      title: storyTexts.logsOut,
      async play(stage) {
        const logout = await send(stage, { method: 'DELETE', path: '/session', sessionToken });
        stage.expect(storyTexts.loggedOut, logout.status === 204, String(logout.status));
        const after = await send(stage, { method: 'GET', path: '/session', sessionToken });
        stage.expect(storyTexts.sessionGone, after.status === 401, String(after.status));
      },
    },
  ];
}
