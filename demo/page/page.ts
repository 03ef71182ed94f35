/// <reference lib="dom" />
/* oxlint-disable typescript/no-unsafe-type-assertion -- events, elements and glass-easel are typed more loosely than they are */
// The page around the phone: buttons that act on the real parts, and what those parts then report.
import type { FaultName } from '../faults.ts';
import type { Entry, Snapshot } from '../feed.ts';
import type { Who } from '../people.ts';
import { byId, fillTexts, languageOfReader, onLanguage, showConnection } from './reader.ts';
import { createSequence, timeOf } from './sequence.ts';
import { texts } from './texts.ts';

const people: readonly Who[] = ['member', 'secondCompany', 'outOfRange', 'disabled', 'stranger', 'reviewer'];
/** First WeCom's faults, then those of other parts, then the phone's. */
const faults: readonly FaultName[] = [
  'tokenDropped',
  'ipNotTrusted',
  'wrongSecret',
  'rateLimited',
  'wecomSlow',
  'wecomDown',
  'redisDown',
  'memberLeft',
  'phoneOffline',
  'htmlAnswer',
  'codeFails',
  'codeHangs',
];

let language = languageOfReader();
let who: Who = 'member';
let reviewer = { account: '', password: '' };
let rush: Extract<Entry, { kind: 'rush' }> | undefined;
let latest: Snapshot | undefined;
let connected: boolean | undefined;

function t() {
  return texts[language];
}
const frame = byId('phone') as HTMLIFrameElement;
const sequence = createSequence(byId('sequence'), t);

for (const person of people) byId('people').append(personChoice(person));
for (const fault of faults) byId('faults').append(faultButton(fault));
onLanguage((chosen) => {
  language = chosen;
  showTexts();
  sequence.redraw();
});
byId('reopen').addEventListener('click', openPhone);
byId('heal').addEventListener('click', () => void act('heal'));
byId('rush').addEventListener('click', () => void act('rush'));
showTexts();
openPhone();
follow();

function openPhone(): void {
  frame.src = `/phone/?who=${who}`;
}

function personChoice(person: Who): HTMLElement {
  const label = document.createElement('label');
  const input = document.createElement('input');
  Object.assign(input, { type: 'radio', name: 'who', value: person, checked: person === who });
  input.addEventListener('change', () => {
    who = person;
    showReviewer();
    openPhone();
  });
  label.append(input, named(person));
  return label;
}

function faultButton(fault: FaultName): HTMLElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.dataset['fault'] = fault;
  button.setAttribute('aria-pressed', 'false');
  button.append(named(fault));
  button.addEventListener('click', () => {
    void act('fault', { fault, active: button.getAttribute('aria-pressed') !== 'true' });
  });
  return button;
}

/** Creates an element for a name and its note; showTexts fills it. */
function named(key: Who | FaultName): HTMLElement {
  const both = document.createElement('span');
  const name = document.createElement('b');
  const note = document.createElement('small');
  both.dataset['named'] = key;
  both.append(name, note);
  return both;
}

async function act(what: string, body: object = {}): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  await fetch(`/world/${what}`, { method: 'POST', headers, body: JSON.stringify(body) }).catch(
    () => undefined,
  );
}

function follow(): void {
  const events = new EventSource('/events');
  const on = (name: string, use: (data: never) => void) =>
    events.addEventListener(name, ({ data }: MessageEvent<string>) => use(JSON.parse(data) as never));
  let lastNumber = 0;
  on('reviewer', (data: typeof reviewer) => {
    reviewer = data;
    showReviewer();
  });
  on('entries', (entries: Entry[]) => {
    for (const entry of entries) {
      // After a reconnection the server sends the old entries again.
      if (entry.number <= lastNumber) continue;
      lastNumber = entry.number;
      if (entry.kind === 'rush') rush = entry;
      sequence.add(entry);
    }
    showRush();
  });
  on('snapshot', (snapshot: Snapshot) => {
    latest = snapshot;
    showSnapshot();
  });
  events.addEventListener('open', () => showConnection((connected = true), t()));
  events.addEventListener('error', () => showConnection((connected = false), t()));
}

function showTexts(): void {
  fillTexts(language, t());
  document.title = t().documentTitle;
  frame.title = t().phone;
  for (const element of document.querySelectorAll<HTMLElement>('[data-named]')) {
    const { name, note } = t().names[element.dataset['named'] as Who | FaultName];
    const [nameElement, noteElement] = element.children;
    if (nameElement) nameElement.textContent = name;
    if (noteElement) noteElement.textContent = note;
  }
  byId('sequence').dataset['empty'] = t().nothingYet;
  showReviewer();
  showSnapshot();
  showRush();
  showConnection(connected, t());
}

function showReviewer(): void {
  byId('reviewer').hidden = who !== 'reviewer';
  byId('reviewer').textContent = t().reviewer(reviewer.account, reviewer.password);
}

function showSnapshot(): void {
  if (!latest) return;
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-fault]')) {
    const state = latest.faults.find(({ fault }) => fault === button.dataset['fault']);
    button.setAttribute('aria-pressed', String(state?.active));
    button.disabled = !state?.available;
    const note = button.querySelector('small');
    if (note && state) {
      const { fault, restsUntil } = state;
      note.textContent =
        restsUntil === undefined ? t().names[fault].note : t().restsUntil(timeOf(restsUntil));
    }
  }
  (byId('heal') as HTMLButtonElement).disabled = !latest.faults.some(({ active }) => active);
  (byId('rush') as HTMLButtonElement).disabled = latest.rushRunning;
  const { gettoken, jscode2session, 'user/get': userGet } = latest.counts;
  const counts = { gettoken, jscode2session, 'user/get': userGet };
  byId('counts').replaceChildren(
    ...Object.entries(counts).map(([name, count]) => {
      const group = document.createElement('div');
      group.innerHTML = '<dt></dt><dd></dd>';
      const [term, value] = group.children;
      if (term) term.textContent = name;
      if (value) value.textContent = String(count);
      group.title = `${t().numbers}, ${t().since}`;
      return group;
    }),
  );
}

function showRush(): void {
  const element = byId('rush-result');
  const { progress, result } = rush ?? {};
  element.className = result && result.named === result.requests ? 'good' : '';
  if (result) {
    const { statuses, counts, tookMs, named, requests, reasons } = result;
    const text = t().rushResult(statuses, counts.gettoken, (tookMs / 1000).toFixed(1));
    element.textContent = text + (named === requests ? '' : t().rushReasons(reasons));
  } else if (progress !== undefined) {
    const [, whole] = progress.split('/');
    if (whole === undefined) element.textContent = t().rushFailed;
    else element.textContent = whole === '20' ? t().rushStarting(progress) : t().rushAnswered(progress);
  } else element.textContent = '';
}
