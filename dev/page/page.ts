/// <reference lib="dom" />
/* oxlint-disable typescript/no-unsafe-type-assertion -- events and elements are typed more loosely than they are */
// The page around the phone: who holds it, what does not build, and the functions' log.
import type { LogLine } from '../log.ts';
import type { PageState } from '../page-server.ts';
import { byId, fillTexts, languageOfReader, onLanguage, showConnection } from '../../demo/page/reader.ts';
import { texts } from './texts.ts';

const linesMax = 500;
const frame = byId('phone') as HTMLIFrameElement;
const list = byId('log');
let language = languageOfReader();
let state: PageState = { holders: [], reviewers: [], problems: [], phone: 0, selected: '' };
let connected: boolean | undefined;

onLanguage((chosen) => {
  language = chosen;
  showTexts();
});
byId('reopen').addEventListener('click', () => openPhone());
showTexts();
follow();

function t() {
  return texts[language];
}

/** @param at a page of the mini-program, with its query; default: its first */
function openPhone(at = ''): void {
  const open = at === '' ? '' : `&open=${encodeURIComponent(at)}`;
  frame.src = `/phone/?who=${encodeURIComponent(state.selected)}${open}`;
}

/** The page of the mini-program that is open now. */
function openPage(): string {
  const { getCurrentPages } = (frame.contentWindow ?? {}) as {
    getCurrentPages?: () => { route: string; options: Record<string, string> }[];
  };
  const top = getCurrentPages?.().at(-1);
  if (!top) return '';
  const query = new URLSearchParams(top.options).toString();
  return `/${top.route}${query === '' ? '' : `?${query}`}`;
}

function follow(): void {
  const events = new EventSource('/events');
  const on = (name: string, use: (data: never) => void) =>
    events.addEventListener(name, ({ data }: MessageEvent<string>) => use(JSON.parse(data) as never));
  on('state', (next: PageState) => {
    const before = state;
    state = next;
    showPeople();
    showProblems();
    if (before.selected !== next.selected) openPhone();
    else if (before.phone !== next.phone) openPhone(openPage());
  });
  on('lines', (lines: LogLine[]) => {
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(...lines.map(drawLine));
    while (list.childElementCount > linesMax) list.firstElementChild?.remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  });
  events.addEventListener('open', () => {
    // The server sends the lines so far.
    list.replaceChildren();
    showConnection((connected = true), t());
  });
  events.addEventListener('error', () => showConnection((connected = false), t()));
}

function select(who: string): void {
  const headers = { 'Content-Type': 'application/json' };
  void fetch('/who', { method: 'POST', headers, body: JSON.stringify({ who }) });
}

function showPeople(): void {
  byId('people').replaceChildren(
    ...state.holders.map(({ who, name, company, flag }) => {
      const label = element('label');
      const input = document.createElement('input');
      Object.assign(input, { type: 'radio', name: 'who', value: who, checked: who === state.selected });
      input.addEventListener('change', () => select(who));
      const note = flag === undefined ? company : t().flags[flag];
      label.append(input, element('b', '', name || t().reviewer), element('small', '', note));
      return label;
    }),
  );
  const isReviewer = state.holders.find(({ who }) => who === state.selected)?.flag === 'reviewer';
  byId('reviewer').hidden = !isReviewer;
  byId('reviewer').textContent = state.reviewers
    .map(({ account, password }) => t().account(account, password))
    .join('\n');
}

function showProblems(): void {
  byId('problems').hidden = state.problems.length === 0;
  byId('problems').replaceChildren(
    ...state.problems.flatMap(({ of, text, goesOn }) => [
      element('h2', '', goesOn ? t().problem(of) : of),
      element('pre', '', text),
    ]),
  );
}

function drawLine({ at, who, text, detail, mood }: LogLine): HTMLElement {
  const item = element('li', mood);
  item.append(
    element('time', '', new Date(at).toLocaleTimeString('en-GB')),
    element('span', 'who', who),
    element('span', 'text', text),
  );
  if (detail.length > 0) item.append(element('pre', '', detail.join('\n')));
  return item;
}

function showTexts(): void {
  fillTexts(language, t());
  frame.title = t().phone;
  showPeople();
  showProblems();
  showConnection(connected, t());
}

function element(tag: string, className = '', text = ''): HTMLElement {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.textContent = text;
  return made;
}
