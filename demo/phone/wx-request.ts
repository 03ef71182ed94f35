/// <reference lib="dom" />
import type { AppLife } from './app-life.ts';
import type { Callbacks } from './wx.ts';

interface RequestOptions extends Callbacks {
  url: string;
  method?: string;
  data?: unknown;
  header?: Record<string, string>;
  /** ms */
  timeout?: number;
  dataType?: string;
}

const timeoutMsDefault = 60_000;

/**
 * `wx.request`. Sends to `serverUrl` only, as a mini-program may only send to the domains listed in its console.
 * @see https://developers.weixin.qq.com/miniprogram/dev/api/network/request/wx.request.html
 */
export function createRequest(serverUrl: string, who: string, life: AppLife) {
  return ({
    url,
    method = 'GET',
    data,
    header = {},
    timeout = timeoutMsDefault,
    ...callbacks
  }: RequestOptions) => {
    const { success, fail, complete, dataType = 'json' } = callbacks;
    const request = new XMLHttpRequest();
    let interrupted = false;
    const stopListening = life.onRequestsStop(() => {
      interrupted = true;
      request.abort();
    });
    request.addEventListener('loadend', stopListening);
    const failed = (reason: string) => () => {
      const error = { errMsg: `request:fail ${interrupted ? 'interrupted' : reason}` };
      fail?.(error);
      complete?.(error);
    };
    const task = { abort: () => request.abort(), onHeadersReceived: () => undefined };
    if (!url.startsWith(`${serverUrl}/`)) {
      setTimeout(failed('url not in domain list'));
      return task;
    }
    if (life.requestsStopped()) {
      interrupted = true;
      setTimeout(failed(''));
      return task;
    }
    request.open(method, url);
    request.timeout = timeout;
    request.setRequestHeader('X-Phone', who);
    const headers = { 'content-type': 'application/json', ...lowerCased(header) };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.addEventListener('error', failed(''));
    request.addEventListener('timeout', failed('timeout'));
    request.addEventListener('abort', failed('abort'));
    request.addEventListener('load', () => {
      const result = {
        statusCode: request.status,
        header: headersOf(request),
        data: dataType === 'json' ? parsed(request.responseText) : request.responseText,
        cookies: [],
        errMsg: 'request:ok',
      };
      success?.(result);
      complete?.(result);
    });
    const hasBody = data !== undefined && method !== 'GET';
    request.send(hasBody ? (typeof data === 'string' ? data : JSON.stringify(data)) : null);
    return task;
  };
}

function lowerCased(header: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(header).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Parses JSON as phones do: anything else stays text, whatever the Content-Type is. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function headersOf(request: XMLHttpRequest): Record<string, string> {
  const lines = request.getAllResponseHeaders().trim().split('\r\n');
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
}
