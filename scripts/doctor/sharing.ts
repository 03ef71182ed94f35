// Whether a page of the mini-program can be passed on: an internal one should not be.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outside, type Report } from './finding.ts';

const placesMax = 5;

/**
 * WeChat and WeCom offer 转发, 朋友圈 and 收藏 on a page that defines these, and a button with open-type="share" forwards by
 * itself.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/reference/api/Page.html
 */
const handlers = /\b(onShareAppMessage|onShareTimeline|onAddToFavorites)\b/;
const button = /\bopen-type\s*=\s*["']\s*share\s*["']/;

/** Reports on the pages in a folder. */
export function checkSharing(root: string, report: Report): void {
  const places = placesThatShare(root);
  if (places.length === 0) {
    report(outside('miniprogram.sharing.ok'));
    return;
  }
  const more = places.length > placesMax ? ', …' : '';
  report(outside('miniprogram.sharing.enabled', { places: places.slice(0, placesMax).join(', ') + more }));
}

/** `pages/home/home.ts:12 onShareAppMessage`, for each line. What is in a comment does not count. */
export function placesThatShare(root: string): string[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter(
      (file) => /\.([jt]s|wxml)$/.test(file) && !/\.d\.ts$|(^|\/)(node_modules|miniprogram_npm)\//.test(file),
    );
  return files.toSorted().flatMap((file) => {
    const lines = withoutComments(readFileSync(join(root, file), 'utf8'), file).split('\n');
    return lines.flatMap((line, index) => {
      const found = file.endsWith('.wxml') ? button.exec(line)?.[0] : handlers.exec(line)?.[0];
      return found === undefined ? [] : [`${file}:${index + 1} ${found}`];
    });
  });
}

/** Lines stay where they are. */
function withoutComments(text: string, file: string): string {
  if (file.endsWith('.wxml')) return text.replaceAll(/<!--.*?-->/gs, blank);
  return text.replaceAll(/\/\*.*?\*\/|(?<![:"'`\w])\/\/[^\n]*/gs, blank);
}

function blank(comment: string): string {
  return comment.replaceAll(/[^\n]/g, ' ');
}
