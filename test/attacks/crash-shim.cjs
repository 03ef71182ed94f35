// Preloaded into a function under test: remembers the last URL that was asked, and at a SIGUSR2 throws outside of any
// request with all that could be told: the URL, the environment, as message, cause and fields.
const http = require('node:http');

const { get } = http;
let asked = '';
http.get = (url, ...rest) => {
  asked = typeof url === 'string' ? url : url.href;
  return get(url, ...rest);
};
process.on('SIGUSR2', () => {
  const all = `${asked} ${JSON.stringify(process.env)}`;
  throw Object.assign(new Error(`crash: ${all}`, { cause: new Error(all) }), {
    config: { url: asked },
    env: process.env,
  });
});
