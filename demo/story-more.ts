// The rest of the story: who else may log in, and how access ends.
import { setTimeout as sleep } from 'node:timers/promises';
import { signedCallback, unsubscribeMessage } from '../simulator/wecom/callback.ts';
import { errorAnswer, type Exchange, loginAnswer, type Stage, type Step } from './exchange.ts';
import { postCallback } from './leaver.ts';
import { firstLeaver, memberOfSecondCompany, reviewer, secondLeaver } from './people.ts';
import { actors, storyTexts } from './texts.ts';
import { recheckSeconds, type World } from './world.ts';

export function createMoreSteps(world: World, { send, logIn }: Exchange): Step[] {
  const { wecom } = world;

  async function newSession(stage: Stage, person: { corpid: string; userid: string }): Promise<string> {
    const answer = await logIn(stage, { js_code: wecom.createJsCode(person) });
    return loginAnswer.safeParse(answer.body).data?.session_token ?? '';
  }

  const askSession = (stage: Stage, sessionToken: string) =>
    send(stage, { method: 'GET', path: '/session', sessionToken });

  return [
    {
      title: storyTexts.secondCompany(memberOfSecondCompany.name),
      async play(stage) {
        const first = await logIn(stage, { js_code: wecom.createJsCode(memberOfSecondCompany) });
        const corpid = String(first.body['corpid']);
        stage.expect(
          storyTexts.loginAgain,
          errorAnswer.safeParse(first.body).data?.error === 'login_again' &&
            corpid === memberOfSecondCompany.corpid,
          String(first.status),
        );
        const second = await logIn(stage, { js_code: wecom.createJsCode(memberOfSecondCompany), corpid });
        const { data } = loginAnswer.safeParse(second.body);
        stage.expect(storyTexts.ownCompany, data?.member.corpid === corpid, String(second.status));
      },
    },
    {
      title: storyTexts.reviewer,
      async play(stage) {
        const answer = await send(stage, { method: 'POST', path: '/login/reviewer', body: reviewer });
        stage.expect(storyTexts.asReviewer, answer.body['role'] === 'reviewer', String(answer.status));
        stage.expect(storyTexts.notAsked, answer.line.wecom.length === 0);
      },
    },
    {
      title: storyTexts.leavesRecheck(recheckSeconds, firstLeaver.name),
      async play(stage) {
        const sessionToken = await newSession(stage, firstLeaver);
        wecom.updateMember(firstLeaver.corpid, firstLeaver.userid, { deleted: true });
        stage.line(actors.wecom, storyTexts.deleted);
        await sleep(recheckSeconds * 1000 + 200);
        const answer = await askSession(stage, sessionToken);
        stage.expect(storyTexts.sessionEnded, answer.status === 401, String(answer.status));
      },
    },
    {
      title: storyTexts.leavesCallback(secondLeaver.name),
      async play(stage) {
        const callbackUrl = await world.startCallback();
        const sessionToken = await newSession(stage, secondLeaver);
        wecom.updateMember(secondLeaver.corpid, secondLeaver.userid, { visible: false });
        const { path, body } = signedCallback(world.callback, unsubscribeMessage(secondLeaver));
        const status = await postCallback(`${callbackUrl}${path}`, body);
        stage.line(
          actors.wecomToCallback,
          storyTexts.callbackPosted(`/callback/${secondLeaver.corpid}`, status),
        );
        const answer = await askSession(stage, sessionToken);
        stage.expect(storyTexts.sessionEnded, answer.status === 401, String(answer.status));
        stage.expect(storyTexts.wasNotAsked, answer.line.wecom.length === 0);
      },
    },
  ];
}
