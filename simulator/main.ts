// `npm run simulator [-- --port N]`: runs a simulated WeCom with two companies until Ctrl-C.
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startWecom } from './wecom/server.ts';

const values = readOptions();
const port = Number(values.port);
if (!/^\d{1,5}$/.test(values.port) || port > 65_535) {
  console.error(`--port ${values.port}: not a port number`);
  process.exit(2);
}

const company = 'wwdemo0000000001';
const secondCompany = 'wwdemo0000000002';

const wecom = await startWecom({ port }).catch((error: unknown) => {
  console.error(`port ${port} cannot be used: ${String(error)}`);
  process.exit(1);
});
const corps = [
  { corpid: company, name: '示例公司', corpsecret: randomBytes(32).toString('base64url') },
  { corpid: secondCompany, name: '第二公司', corpsecret: randomBytes(32).toString('base64url') },
];
for (const corp of corps) wecom.addCompany(corp);
wecom.addMember({ corpid: company, userid: 'ZhangSan', name: '张三', department: [2], position: '工程师' });
wecom.addMember({ corpid: company, userid: 'LiSi', name: '李四', visible: false });
wecom.addMember({ corpid: company, userid: 'WangWu', name: '王五', status: 2 });
wecom.addMember({ corpid: secondCompany, userid: 'ZhaoLiu', name: '赵六', position: '经理' });

console.log(`WeCom simulator: ${wecom.url}

For .env (new values at each start):
  WECOM_BASE_URL=${wecom.url}
  WECOM_CORPS=${corps.map(({ corpid, corpsecret }) => `${corpid}:${corpsecret}`).join(',')}
  WECOM_APPID=${wecom.appid}

Members: ZhangSan (may enter), LiSi (not in the visible range), WangWu (disabled); ZhaoLiu in the second company.
Get a js_code, as from wx.qy.login:
  curl -d '{"corpid":"${company}","userid":"ZhangSan"}' ${wecom.url}/_simulator/createJsCode
See what happened: curl ${wecom.url}/_simulator/state
Press Ctrl-C to end it.`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void wecom.close());

function readOptions(): { port: string } {
  try {
    return parseArgs({ options: { port: { type: 'string', default: '8095' } } }).values;
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : String(error)}\nUsage: npm run simulator -- [--port N]`,
    );
    process.exit(2);
  }
}
