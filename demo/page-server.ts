// Serves the page of `npm start`: the phone, the controls next to it, and the login function behind both. One origin,
// on this machine only. It trusts no other web page: requests from another site are refused.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as z from 'zod/mini';
import { type Breakage, createBreakage } from './breakage.ts';
import { faultNames } from './faults.ts';
import { createFeed, type Entry, type Feed, type Snapshot } from './feed.ts';
import { compilePage } from './page/compile.ts';
import { type AlertLine, ourCompanies, type LoginFunction, type World } from './world.ts';
import { compileMiniProgram, type PhoneFiles } from './phone/compile.ts';
import { company, phones, reviewer, whoNames } from './people.ts';
import {
  listenOn,
  phoneAt,
  readBody,
  refusal,
  securityHeaders,
  send,
  sendFile,
  startEvents,
} from './page-http.ts';
import { isTooLarge, passOn } from './pass-on.ts';
import { createPageRush } from './page-rush.ts';
import { createWecomApp } from './wecom-app.ts';

/** What {@link startPage} returns. */
export type Page = Awaited<ReturnType<typeof startPage>>;

const whoSchema = z.enum(whoNames);
const whoBody = z.strictObject({ who: whoSchema });
const faultBody = z.strictObject({ fault: z.enum(faultNames), active: z.boolean() });

/**
 * Returns everything the page loads, by path.
 * @throws Trouble if the mini-program in `root` does not compile
 */
export async function compileFiles(root?: string): Promise<PhoneFiles> {
  const companyNames = Object.fromEntries(ourCompanies.map(({ corpid, name }) => [corpid, name]));
  const settings = { companyNames, audience: `${company.name}员工` };
  const [phone, page] = await Promise.all([compileMiniProgram(root, settings), compilePage()]);
  return new Map([...page, ...phoneAt('/phone/', phone)]);
}

/**
 * Starts the page on 127.0.0.1, with its own login function.
 *
 * @param port 0 for any free port
 * @throws Trouble if the port is taken
 */
export async function startPage(world: World, files: PhoneFiles, port = 0) {
  const feed = createFeed();
  const alertsOf = new Map<string, AlertLine[]>();
  const onAlert = (alert: AlertLine) => {
    const found = alertsOf.get(String(alert.scf_request_id));
    if (found) found.push(alert);
    else feed.add({ kind: 'log', alert });
  };
  const startLogin = () => world.startLogin({ onAlert });
  let login = await startLogin();
  const breakage = createBreakage(world, feed, async () => {
    const before = login;
    login = await startLogin();
    await world.stopLogin(before);
  });
  const rush = createPageRush(world, feed);
  const wecomApp = createWecomApp(world, feed, breakage);
  const passOn = createProxy(feed, breakage, alertsOf, () => login);

  const snapshot = (): Snapshot => ({
    faults: breakage.states(),
    counts: world.wecom.counts(),
    rushRunning: rush.running(),
    violations: world.wecom.violations.length,
  });

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    res.setHeaders(securityHeaders);
    const [pathname = ''] = (req.url ?? '').split('?');
    const refused = refusal(req, pathname, [`127.0.0.1:${listeningPort}`, `localhost:${listeningPort}`]);
    if (refused) return send(res, 403, refused);
    if (pathname.startsWith('/server/')) return passOn(req, res);
    if (req.method === 'POST') return act(pathname, await readBody(req), res);
    if (req.method !== 'GET') return send(res, 405, 'GET or POST');
    if (pathname === '/events') return stream(feed, snapshot, req, res);
    sendFile(res, files.get(pathname));
  }

  async function act(pathname: string, body: string, res: ServerResponse): Promise<void> {
    const json: unknown = JSON.parse(body || '{}');
    const api = /^\/wecom-app\/(\w+)$/.exec(pathname)?.[1];
    if (api !== undefined) return wecomApp(api, whoBody.parse(json).who, res);
    switch (pathname) {
      case '/world/fault': {
        const { fault, active } = faultBody.parse(json);
        await breakage.set(fault, active);
        return send(res, 204);
      }
      case '/world/heal':
        await breakage.healAll();
        return send(res, 204);
      case '/world/rush':
        void rush.run();
        return send(res, 204);
      default:
        return send(res, 404, 'nothing here');
    }
  }

  const server = createServer((req, res) => {
    answer(req, res).catch((error: unknown) => {
      if (!res.headersSent) send(res, 400, error instanceof Error ? error.message : String(error));
    });
  });
  const listeningPort = await listenOn(server, port);

  return {
    url: `http://127.0.0.1:${listeningPort}`,
    feed,
    breakage,
    rush,
    snapshot,

    async stop(): Promise<void> {
      server.close();
      server.closeAllConnections();
      await rush.finished();
    },
  };
}

/** Forwards a request of the phone to the login function, as the cloud's gateway does. */
function createProxy(
  feed: Feed,
  breakage: Breakage,
  alertsOf: Map<string, AlertLine[]>,
  current: () => LoginFunction,
) {
  let requests = 0;
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const who = whoSchema.parse(req.headers['x-phone'] ?? 'member');
    const id = `phone-${(requests += 1)}`;
    const path = (req.url ?? '').slice('/server'.length);
    const method = req.method ?? 'GET';
    const offline = breakage.isActive('phoneOffline');
    feed.add({ kind: 'sent', id, who, method, path, offline });
    const startedMs = performance.now();
    const answered = (status: number) =>
      ({ kind: 'answered', id, status, ms: Math.round(performance.now() - startedMs) }) as const;
    if (offline) {
      // A cut connection would make the browser try again by itself, up to ten times.
      res.writeHead(502, { 'X-Phone-Offline': 'yes' }).end();
      feed.add(answered(0));
      return;
    }
    if (breakage.isActive('htmlAnswer')) {
      res
        .writeHead(200, { 'Content-Type': 'text/html' })
        .end('<html><body>请先登录酒店无线网络</body></html>');
      feed.add(answered(200));
      return;
    }
    const login = current();
    const alerts: AlertLine[] = [];
    alertsOf.set(id, alerts);
    const { url } = login;
    const passed = isTooLarge(req)
      ? 'too_large'
      : await passOn(req, res, { url, path, requestId: id, client: phones[who].address });
    if (typeof passed !== 'number') {
      alertsOf.delete(id);
      const status = passed === 'too_large' ? 406 : 502;
      res.writeHead(status, { 'Content-Type': 'text/html' });
      res.end(`<html><body>${status}</body></html>`);
      feed.add(answered(status));
      return;
    }
    const happened = answered(passed);
    const line = await login.logged(id).catch(() => undefined);
    alertsOf.delete(id);
    feed.add({ ...happened, alerts, ...(line && { line }) });
  };
}

/** Server-sent events: the past entries, the current state, and each new entry. */
function stream(feed: Feed, snapshot: () => Snapshot, req: IncomingMessage, res: ServerResponse): void {
  const tell = startEvents(res);
  let before = '';
  const tellSnapshot = () => {
    const now = JSON.stringify(snapshot());
    if (now !== before) tell('snapshot', JSON.parse(now));
    before = now;
  };
  tell('reviewer', reviewer);
  tell('entries', feed.entries);
  tellSnapshot();
  const stop = feed.follow((entry: Entry) => {
    tell('entries', [entry]);
    tellSnapshot();
  });
  // Counters change without an entry, for example in a rush.
  const timer = setInterval(tellSnapshot, 250);
  req.on('close', () => {
    stop();
    clearInterval(timer);
  });
}
