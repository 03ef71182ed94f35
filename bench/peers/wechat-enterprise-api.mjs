import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { callbackify, promisify } from 'node:util';
import Api from 'wechat-enterprise-api';
import util from 'wechat-enterprise-api/lib/util.js';
import { corpid, corpsecret, redis, serve, wecom } from './server.mjs';

const key = 'peer:token';
const readToken = callbackify(async () => JSON.parse((await redis.get(key)) ?? 'null'));
const saveToken = callbackify((token) => redis.set(key, JSON.stringify(token), 'EX', 7000));
const api = new Api(corpid, corpsecret, 1_000_001, readToken, saveToken);
api.prefix = `${wecom}/cgi-bin/`;
// By default it opens a connection for each call.
const sockets = { keepAlive: true, maxSockets: 128 };
api.setOpts({ agent: new Agent(sockets), httpsAgent: new TlsAgent(sockets) });

// It has no jscode2session: added in the form of its own methods.
util.make(Api.prototype, 'code2Session', function code2Session(jsCode, callback) {
  const url = `${this.prefix}miniprogram/jscode2session?access_token=${this.token.accessToken}`;
  const data = { js_code: jsCode, grant_type: 'authorization_code' };
  this.request(url, { dataType: 'json', data }, util.wrapper(callback));
});

const calls = {
  exchange: promisify(api.code2Session.bind(api)),
  member: promisify(api.getUser.bind(api)),
};
serve(() => calls);
