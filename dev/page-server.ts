// Serves the page of `npm run dev`: the phone, who holds it, build errors, the log; WeCom's app behind the phone; and the
// functions under /server, where the phone calls them. It trusts no other web page.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as z from 'zod/mini';
import {
  phoneAt,
  readBody,
  refusal,
  securityHeaders,
  send,
  sendFile,
  startEvents,
} from '../demo/page-http.ts';
import { compilePage } from '../demo/page/compile.ts';
import type { PhoneFiles } from '../demo/phone/compile.ts';
import type { LogLine } from './log.ts';
import type { Holder } from './people.ts';

/** What cannot be used at the moment. */
export interface Problem {
  /** A function, the mini-program, a file. */
  of: string;
  text: string;
  /** Whether a version from before is used instead. */
  goesOn: boolean;
}

/** What the page shows, apart from the log. */
export interface PageState {
  holders: Pick<Holder, 'who' | 'name' | 'company' | 'flag'>[];
  reviewers: { account: string; password: string }[];
  problems: Problem[];
  /** Another number is another version of the mini-program. */
  phone: number;
  /** Who holds the phone. */
  selected: string;
}

export interface PageOptions {
  /** Requests with it in X-Npm-Run-Dev come from the copy for DevTools, which has another origin. */
  key: string;
  /** Names under which the page may be asked for, with the port. */
  hosts(): string[];
  holders(): Holder[];
  reviewers(): PageState['reviewers'];
  problems(): PageState['problems'];
  /** Answers `wx.qy.<api>`; throws what `wx.qy` fails with. */
  askWecomApp(holder: Holder, api: string): object;
  /** Logs them in; returns the session_token. */
  logIn(holder: Holder): Promise<string>;
  /** Passes a request of the phone on to the functions. */
  forward(req: IncomingMessage, res: ServerResponse, path: string): Promise<void>;
}

/** What {@link createPage} returns. */
export type Page = Awaited<ReturnType<typeof createPage>>;

const linesMax = 200;
const whoBody = z.strictObject({ who: z.optional(z.string()) });

export async function createPage(options: PageOptions) {
  const files = await compilePage('dev/page');
  const lines: LogLine[] = [];
  const followers = new Set<(event: string, data: unknown) => void>();
  let phone: PhoneFiles = new Map();
  let phoneVersion = 0;
  let selected = options.holders()[0]?.who ?? '';

  const state = (): PageState => {
    const holders = options.holders();
    if (!holders.some(({ who }) => who === selected)) selected = holders[0]?.who ?? '';
    return {
      holders: holders.map(({ who, name, company, flag }) => ({ who, name, company, flag })),
      reviewers: options.reviewers(),
      problems: options.problems(),
      phone: phoneVersion,
      selected,
    };
  };

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    res.setHeaders(securityHeaders);
    const [pathname = ''] = (req.url ?? '').split('?');
    if (req.headers['x-npm-run-dev'] === options.key) {
      for (const name of ['origin', 'sec-fetch-site']) delete req.headers[name];
    }
    const refused = refusal(req, pathname, options.hosts());
    if (refused) return send(res, 403, refused);
    if (pathname.startsWith('/server/')) {
      return options.forward(req, res, (req.url ?? '').slice('/server'.length));
    }
    if (req.method === 'POST') return act(pathname, await readBody(req), res);
    if (req.method !== 'GET') return send(res, 405, 'GET or POST');
    if (pathname === '/events') return follow(req, res);
    sendFile(res, files.get(pathname) ?? phone.get(pathname));
  }

  async function act(pathname: string, body: string, res: ServerResponse): Promise<void> {
    const { who = selected } = whoBody.parse(JSON.parse(body || '{}'));
    const holder = options.holders().find((each) => each.who === who);
    if (!holder) return send(res, 400, 'nobody of this name is there');
    const api = /^\/wecom-app\/(\w+)$/.exec(pathname)?.[1];
    if (api !== undefined) {
      let answered: object;
      try {
        answered = options.askWecomApp(holder, api);
      } catch (error) {
        return send(res, 500, error instanceof Error ? error.message : String(error));
      }
      res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
      res.end(JSON.stringify(answered));
      return;
    }
    if (pathname === '/session') {
      return send(res, 200, `Authorization: Bearer ${await options.logIn(holder)}`);
    }
    if (pathname !== '/who') return send(res, 404, 'nothing here');
    selected = who;
    tell('state', state());
    send(res, 204);
  }

  function follow(req: IncomingMessage, res: ServerResponse): void {
    const follower = startEvents(res);
    follower('state', state());
    follower('lines', lines);
    followers.add(follower);
    req.on('close', () => followers.delete(follower));
  }

  function tell(event: string, data: unknown): void {
    for (const follower of followers) follower(event, data);
  }

  const server = createServer((req, res) => {
    answer(req, res).catch((error: unknown) => {
      if (!res.headersSent) send(res, 400, error instanceof Error ? error.message : String(error));
    });
  });

  return {
    server,

    /** Shows another version of the mini-program; the phone opens it at the page where it is. */
    showPhone(compiled: PhoneFiles): void {
      phone = phoneAt('/phone/', compiled);
      phoneVersion += 1;
      tell('state', state());
    },
    /** Shows people and problems again. */
    update: () => tell('state', state()),
    log(line: LogLine): void {
      lines.push(line);
      if (lines.length > linesMax) lines.shift();
      tell('lines', [line]);
    },
  };
}
