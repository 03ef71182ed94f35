import { expect, test } from 'vitest';
import { describeFlow } from './mini-program-pages-flow.ts';
import { openInJsdom, startDemo } from './mini-program-pages.ts';

describeFlow('jsdom', openInJsdom);

test('a mini-program that was closed › stays so when the tab of the browser is left and shown again', async ({
  onTestFinished,
}) => {
  const demo = await startDemo();
  onTestFinished(() => demo.stop());
  const phone = await openInJsdom(demo.phoneUrl('member'));
  onTestFinished(() => phone.close());
  await phone.shows('张三');
  await phone.tap('关闭');
  phone.turnTab(false);
  phone.turnTab(true);
  expect(phone.told).toEqual(['onAppHide']);
  await phone.tap('打开小程序');
  expect(phone.told).toEqual(['onAppHide', 'onAppShow']);
  phone.turnTab(false);
  phone.turnTab(true);
  expect(phone.told).toEqual(['onAppHide', 'onAppShow', 'onAppHide', 'onAppShow']);
});
