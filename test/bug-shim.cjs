// Preloaded into a function under test: a bug that strikes when a session is made, with an error that holds secrets.
const crypto = require('node:crypto');

const { randomBytes } = crypto;
crypto.randomBytes = (size) => {
  if (size !== 32) return randomBytes(size);
  const url = `https://qyapi.weixin.qq.com/cgi-bin/gettoken?corpsecret=${process.env.CANARY}&x=1`;
  throw Object.assign(new TypeError(`Invalid URL: ${url}`), { config: { url }, input: url });
};
