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
  filePath?: string;
  /** Of the file's part in an upload. */
  name?: string;
  formData?: Record<string, string>;
}

const timeoutMsDefault = 60_000;

/** Files of the phone by path: what was chosen, and what was downloaded. */
const files = new Map<string, Blob>();

/** Stores a file; its path also works as the `src` of an `<image>`. */
export function storeFile(file: Blob, path = URL.createObjectURL(file)): string {
  files.set(path, file);
  return path;
}

/** Reads and removes files; the rest of a file system is missing. */
export const fileSystem = {
  readFile({ filePath, success, fail }: Callbacks & { filePath: string }): void {
    const file = files.get(filePath);
    if (file) void file.text().then((data) => success?.({ data }));
    else fail?.({ errMsg: `readFile:fail no such file or directory, open ${filePath}` });
  },
  unlink: ({ filePath }: { filePath: string }): void => void files.delete(filePath),
};

/**
 * `wx.request`, `wx.uploadFile` and `wx.downloadFile`. Sends to `serverUrl` only, as a mini-program may only send to the domains listed in its console.
 * @see https://developers.weixin.qq.com/miniprogram/dev/api/network/request/wx.request.html
 */
export function createSender(
  name: 'request' | 'uploadFile' | 'downloadFile',
  { serverUrl, who, life }: { serverUrl: string; who: string; life: AppLife },
) {
  return ({
    url,
    method = name === 'uploadFile' ? 'POST' : 'GET',
    data,
    header = {},
    timeout = timeoutMsDefault,
    filePath,
    name: part = 'file',
    formData = {},
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
      const error = { errMsg: `${name}:fail ${interrupted ? 'interrupted' : reason}` };
      fail?.(error);
      complete?.(error);
    };
    let tell: ((update: { progress: number }) => void) | undefined;
    const onProgress = ({ loaded, total }: ProgressEvent) =>
      tell?.({ progress: total > 0 ? Math.round((loaded / total) * 100) : 0 });
    const task = {
      abort: () => request.abort(),
      onHeadersReceived: () => undefined,
      onProgressUpdate: (listener: typeof tell) => (tell = listener),
    };
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
    const headers = { ...(name === 'request' && jsonType), ...lowerCased(header) };
    if (name === 'downloadFile') request.responseType = 'blob';
    (name === 'uploadFile' ? request.upload : request).addEventListener('progress', onProgress);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.addEventListener('error', failed(''));
    request.addEventListener('timeout', failed('timeout'));
    request.addEventListener('abort', failed('abort'));
    request.addEventListener('load', () => {
      if (request.getResponseHeader('X-Phone-Offline') !== null) return failed('')();
      const result = {
        statusCode: request.status,
        header: headersOf(request),
        ...received(request, name, dataType, filePath),
        cookies: [],
        errMsg: `${name}:ok`,
      };
      success?.(result);
      complete?.(result);
    });
    if (name === 'uploadFile') {
      const body = new FormData();
      for (const [field, value] of Object.entries(formData)) body.append(field, value);
      const file = files.get(filePath ?? '');
      if (!file) {
        setTimeout(failed(`file not found: ${filePath}`));
        return task;
      }
      body.append(part, file);
      request.send(body);
      return task;
    }
    const hasBody = data !== undefined && method !== 'GET';
    request.send(hasBody ? (typeof data === 'string' ? data : JSON.stringify(data)) : null);
    return task;
  };
}

/** The response as each function returns it: text, JSON, or the path of a file. */
function received(request: XMLHttpRequest, name: string, dataType: string, filePath?: string): object {
  if (name === 'downloadFile') {
    const response: unknown = request.response;
    const path = storeFile(response instanceof Blob ? response : new Blob(), filePath);
    return filePath === undefined ? { tempFilePath: path } : { filePath };
  }
  const parses = name === 'request' && dataType === 'json';
  return { data: parses ? parsed(request.responseText) : request.responseText };
}

const jsonType = { 'content-type': 'application/json' };

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
