// What a deploy says to the person at the terminal, in both languages. Advice about refusals of the cloud: advice.ts. What
// the cloud itself says, and names of functions, variables and keys, come in as they are.
import { at as place } from '../scripts/console-paths.ts';
import type { Bilingual } from '../scripts/language.ts';

/** What a run that broke off leaves behind, and the lines that it has done. */
export const stateTexts = {
  unchanged: {
    en: 'What serves requests is unchanged; the next sls deploy goes on from what it finds.',
    zh: '线上服务没有变化；再次执行 sls deploy 会从当前状态继续。',
  },
  doneSoFar: (lines: readonly Bilingual[]): Bilingual => ({
    en: `Done so far: ${lines.map(({ en }) => en).join('; ')}. The next sls deploy finishes the rest.`,
    zh: `已完成：${lines.map(({ zh }) => zh).join('；')}。再次执行 sls deploy 会完成其余部分。`,
  }),
  unclear: {
    en: 'Whether the last change was made is not known: sls info shows what is live.',
    zh: '最后一次修改是否生效未知：请用 sls info 查看线上状态。',
  },
};

/** How long each part of a deploy took, and what it is doing. */
export const progressTexts = {
  reading: { en: 'reading', zh: '读取' },
  deployed: { en: 'what is deployed', zh: '已部署的内容' },
  uploading: (kilobytes: number): Bilingual => ({
    en: `uploading ${kilobytes} KB`,
    zh: `上传 ${kilobytes} KB`,
  }),
  publishing: { en: 'publishing', zh: '发布版本' },
  checking: { en: 'asking for its health', zh: '检查新版本是否正常' },
  triggers: { en: 'triggers', zh: '触发器' },
  logs: { en: 'logs', zh: '日志' },
  indexAndAlarms: { en: 'index and alarms', zh: '索引与告警' },
  domain: { en: 'domain', zh: '域名' },
  binding: { en: 'binding', zh: '绑定' },
  line: (name: Bilingual, what: Bilingual): Bilingual => ({
    en: `${name.en}: ${what.en}`,
    zh: `${name.zh}：${what.zh}`,
  }),
  duration: (name: Bilingual, seconds: string): Bilingual => ({
    en: `${name.en} ${seconds} s`,
    zh: `${name.zh} ${seconds} 秒`,
  }),
  took: (durations: readonly Bilingual[]): Bilingual => ({
    en: `took ${durations.map(({ en }) => en).join(', ')}`,
    zh: `耗时：${durations.map(({ zh }) => zh).join('，')}`,
  }),
};

/** `sls deploy`: results and warnings. */
export const deployTexts = {
  created: (key: string, version: string): Bilingual => ({
    en: `${key}: created, version ${version} is live`,
    zh: `${key}：已创建，版本 ${version} 已上线`,
  }),
  updated: (key: string, version: string): Bilingual => ({
    en: `${key}: updated, version ${version} is live`,
    zh: `${key}：已更新，版本 ${version} 已上线`,
  }),
  unchanged: (key: string): Bilingual => ({
    en: `${key}: unchanged, nothing uploaded`,
    zh: `${key}：没有变化，未上传`,
  }),
  grayShare: (weight: number, version: string): Bilingual => ({
    en: `${weight} of version ${version}`,
    zh: `版本 ${version} 占 ${weight}`,
  }),
  grayEnds: (key: string, shares: readonly Bilingual[], version: string): Bilingual => ({
    en: `${key}: a gray release (${shares.map(({ en }) => en).join(', ')}) ends: all traffic goes to version ${version}.`,
    zh: `${key}：灰度发布（${shares.map(({ zh }) => zh).join('，')}）结束，全部流量切到版本 ${version}。`,
  }),
  uncheckedRelease: (key: string, version: string, path: string): Bilingual => ({
    en: `${key}: version ${version} could not be asked for ${path} from here; released unchecked.`,
    zh: `${key}：从本机访问不到版本 ${version} 的 ${path}，未经检查就已上线。`,
  }),
  closedRelease: (key: string, version: string, path: string): Bilingual => ({
    en: `${key}: its function URL is not public, so version ${version} was not asked for ${path}; released unchecked.`,
    zh: `${key}：函数 URL 不对公网开放，没有检查版本 ${version} 的 ${path}，就已上线。`,
  }),
  next: (doctor: string): Bilingual => ({
    en: `Next: ${doctor}. It says whether a member can log in, and a wrong secret shows only there.`,
    zh: `下一步：${doctor}。检查成员能否登录；Secret 填错，只有它能查出来。`,
  }),
  notIndexed: {
    en: 'The fields of the log are not indexed: add them by hand (docs/operations.md, 2), or deploy again.',
    zh: '日志字段未建索引：请手动添加（docs/zh/operations.md 第 2 节），或重新部署。',
  },
  alarmsNotSet: {
    en: 'Not all alarms are set: set them by hand (docs/operations.md, 2), or deploy again.',
    zh: '告警没有全部设置好：请手动设置（docs/zh/operations.md 第 2 节），或重新部署。',
  },
  alarmsNotSeen: {
    en: `Alarms of an earlier deploy may be left, this could not be checked: look at ${place.logAlarms.en}.`,
    zh: `无法确认以前部署的告警是否还在：请查看${place.logAlarms.zh}。`,
  },
  notUnderstood: {
    en: 'The cloud’s response is not understood.',
    zh: '无法识别腾讯云的返回。',
  },
  orphanRemoved: (name: string): Bilingual => ({
    en: `${name}: removed, it is no longer in serverless.yml`,
    zh: `${name}：已不在 serverless.yml 中，已删除`,
  }),
  orphanRuns: (name: string): Bilingual => ({
    en: `${name} is no longer in serverless.yml but still runs; sls deploy --yes deletes it and its URL.`,
    zh: `${name} 已不在 serverless.yml 中，但仍在运行；sls deploy --yes 会删除它和它的 URL。`,
  }),
  createdWithoutTags: (key: string, reason: Bilingual): Bilingual => ({
    en: `${key}: created without its tags. ${reason.en}`,
    zh: `${key}：已创建，但没有打上标签。${reason.zh}`,
  }),
  tagsNotChanged: (key: string, reason: Bilingual): Bilingual => ({
    en: `${key}: its tags were not changed; only bills and searches use them. ${reason.en}`,
    zh: `${key}：标签未修改，只影响账单和搜索。${reason.zh}`,
  }),
  domainBound: (domain: string): Bilingual => ({
    en: `https://${domain} bound`,
    zh: `https://${domain} 已绑定`,
  }),
  domainUpdated: (domain: string): Bilingual => ({
    en: `https://${domain} updated`,
    zh: `https://${domain} 已更新`,
  }),
  domainRecord: (record: string): Bilingual => ({
    en: `The record to make: ${record} . The functions are live, only the domain waits.`,
    zh: `要添加的解析记录：${record} 。云函数已上线，只差域名。`,
  }),
  and: (first: Bilingual, second: Bilingual): Bilingual => ({
    en: `${first.en} ${second.en}`,
    zh: `${first.zh}${second.zh}`,
  }),
  ofFunction: (key: string, line: Bilingual): Bilingual => ({
    en: `${key}: ${line.en}`,
    zh: `${key}：${line.zh}`,
  }),
};

/** Why a deploy does not begin or does not go on. */
export const refusalTexts = {
  noCredentials: {
    en: 'TENCENT_SECRET_ID and TENCENT_SECRET_KEY are not set: put an API key of your Tencent Cloud account into .env (see docs/deploy.md).',
    zh: '未设置 TENCENT_SECRET_ID 和 TENCENT_SECRET_KEY：请把腾讯云账号的 API 密钥写入 .env（见 docs/zh/deploy.md）。',
  },
  buildFailed: (command: string): Bilingual => ({
    en: `The build (${command}) failed; nothing was deployed.`,
    zh: `构建失败（${command}），未部署任何内容。`,
  }),
  noFunctionToDeploy: (key: string): Bilingual => ({
    en: `There is no function ${key} in serverless.yml, or the variable of its onlyWith is empty.`,
    zh: `serverless.yml 中没有函数 ${key}，或者它的 onlyWith 指定的环境变量为空。`,
  }),
  localEndpoint: {
    en: 'TENCENT_CLOUD_ENDPOINT must be http:// on a loopback address, e.g. http://127.0.0.1:9100.',
    zh: 'TENCENT_CLOUD_ENDPOINT 只能是本机回环地址的 http:// 地址，例如 http://127.0.0.1:9100。',
  },
  notPackaged: (key: string): Bilingual => ({
    en: `functions.${key} was not packaged.`,
    zh: `functions.${key} 没有打包。`,
  }),
  runtimeChanged: (key: string, before: string, now: string): Bilingual => ({
    en: `functions.${key}: it was created with runtime ${before}, and SCF cannot change that to ${now}. Deploy another stage (sls deploy --stage NAME) and move over, or remove this one and deploy again (sls remove --yes; its URL and egress IP are lost).`,
    zh: `functions.${key}：创建时的运行环境是 ${before}，云函数不支持改为 ${now}。请部署到另一个 stage（sls deploy --stage NAME）后切换过去，或者删除后重新部署（sls remove --yes，URL 和出口 IP 会丢失）。`,
  }),
  typeChanged: (key: string): Bilingual => ({
    en: `functions.${key}: its type cannot be changed after creation; give it another name or remove it first.`,
    zh: `functions.${key}：函数创建后不能更改类型；请换一个函数名，或者先删除它。`,
  }),
  ipLost: (key: string, ips: string): Bilingual => ({
    en: `functions.${key}: the fixed egress IP ${ips} belongs to the old subnet and will change; WeCom refuses calls until the new one is entered as trusted IP.`,
    zh: `functions.${key}：固定出口 IP ${ips} 属于原来的子网，将会改变；把新 IP 填入“企业可信IP”之前，企业微信会拒绝所有调用。`,
  }),
  ipLostUnconfirmed: (loss: Bilingual): Bilingual => ({
    en: `${loss.en} Run sls deploy --yes to go ahead.`,
    zh: `${loss.zh}确认继续请执行 sls deploy --yes。`,
  }),
  domainTaken: (domain: string, names: string): Bilingual => ({
    en: `${domain} leads to ${names}, which is not of this stage; this deploy takes it over.`,
    zh: `${domain} 现在指向 ${names}，不属于这个 stage；这次部署会把它改为指向这个 stage。`,
  }),
  domainTakenUnconfirmed: (taken: Bilingual): Bilingual => ({
    en: `${taken.en} Run sls deploy --yes to go ahead, or give this stage another TENCENT_DOMAIN, or none.`,
    zh: `${taken.zh}确认继续请执行 sls deploy --yes；否则请为这个 stage 设置另一个 TENCENT_DOMAIN，或留空。`,
  }),
  otherDeploy: (name: string): Bilingual => ({
    en: `${name}: another deploy of this stage is running and has changed it meanwhile: wait until that one is done and run the command again.`,
    zh: `${name}：这个 stage 正在进行另一次部署，已修改该函数：请等它结束后重新执行命令。`,
  }),
  retentionDays: {
    en: 'provider.cls: give retentionDays, or logsetId and topicId of a topic you have.',
    zh: 'provider.cls：请填写 retentionDays，或者已有日志主题的 logsetId 和 topicId。',
  },
  versionWithoutNumber: (name: string): Bilingual => ({
    en: `${name}: the cloud published a version without a number.`,
    zh: `${name}：腾讯云发布了版本，但没有返回版本号。`,
  }),
  scfReason: (reason: string): Bilingual => ({
    en: ` (SCF: ${reason})`,
    zh: `（SCF：${reason}）`,
  }),
  unhealthy: (
    { name, key, healthPath = '' }: { name: string; key: string; healthPath: string | undefined },
    version: string,
    status: number | undefined,
    reason: Bilingual,
  ): Bilingual => ({
    en: `${name}: the new version ${version} answered GET ${healthPath} with ${status} instead of 200${reason.en} and was not released; see sls logs -f ${key}.`,
    zh: `${name}：新版本 ${version} 对 GET ${healthPath} 返回 ${status}，而不是 200${reason.zh}，没有上线；请查看 sls logs -f ${key}。`,
  }),
  still: (name: string, status: string, minutes: number): Bilingual => ({
    en: `${name} is still ${status} after ${minutes} minutes; run the command again later.`,
    zh: `${name} 等了 ${minutes} 分钟仍是 ${status}；请稍后重新执行命令。`,
  }),
  notThere: (name: string, minutes: number): Bilingual => ({
    en: `${name} is not there after ${minutes} minutes; run the command again later.`,
    zh: `等了 ${minutes} 分钟仍找不到 ${name}；请稍后重新执行命令。`,
  }),
  disappeared: (name: string): Bilingual => ({
    en: `${name} disappeared while it was being deployed.`,
    zh: `${name} 在部署过程中消失了。`,
  }),
  failedState: (name: string, state: string, advice: Bilingual): Bilingual => ({
    en: `${name}: ${state}. ${advice.en}`,
    zh: `${name}：${state}。${advice.zh}`,
  }),
  correctThat: {
    en: 'Correct that and run sls deploy again.',
    zh: '请修正后重新执行 sls deploy。',
  },
  noAnswer: (action: Bilingual, reason: string): Bilingual => ({
    en: `${action.en}: no answer from Tencent Cloud (${reason}). Check the network, and HTTPS_PROXY if this computer needs a proxy.`,
    zh: `${action.zh}：腾讯云没有响应（${reason}）。请检查网络；需要代理时，检查 HTTPS_PROXY。`,
  }),
  refused: (action: Bilingual, code: string, what: Bilingual, advice: Bilingual): Bilingual => ({
    en: `${action.en}: ${code}, ${what.en}. ${advice.en}`,
    zh: `${action.zh}：${code}，${what.zh}。${advice.zh}`,
  }),
  requestId: (what: Bilingual, id: string): Bilingual => ({
    en: `${what.en} (request id ${id})`,
    zh: `${what.zh}（request id ${id}）`,
  }),
  environmentRefused: { en: 'the environment is refused', zh: '环境变量被拒绝' },
  seeStack: { en: 'Run with --verbose for the stack.', zh: '加 --verbose 可查看调用栈。' },
  cosUpload: (bucket: string): Bilingual => ({
    en: `COS upload to ${bucket}`,
    zh: `上传到 COS 存储桶 ${bucket}`,
  }),
};

export const packageTexts = {
  made: (path: string, bytes: number, files: string): Bilingual => ({
    en: `${path}: ${bytes} bytes, ${files}`,
    zh: `${path}：${bytes} 字节，${files}`,
  }),
};

/** Triggers: what was done with them, and what is left. */
export const triggerTexts = {
  functionUrl: { en: 'function URL', zh: '函数 URL' },
  urlOf: (qualifier: string): Bilingual => ({
    en: `function URL of ${qualifier}`,
    zh: `${qualifier} 的函数 URL`,
  }),
  ofOthers: (key: string, title: Bilingual): Bilingual => ({
    en: `${key}: ${title.en} was not made by sls deploy and is left as it is.`,
    zh: `${key}：${title.zh} 不是 sls deploy 创建的，保持不变。`,
  }),
  urlKept: (key: string): Bilingual => ({
    en: `${key}: its http event is no longer in serverless.yml, but its function URL still works; sls deploy --yes deletes it, and its address never comes back.`,
    zh: `${key}：serverless.yml 中已没有它的 http 事件，但函数 URL 仍可访问；sls deploy --yes 会删除，地址无法恢复。`,
  }),
  timer: (name: string): Bilingual => ({ en: `timer trigger ${name}`, zh: `定时触发器 ${name}` }),
  other: (type: string, name: string): Bilingual => ({
    en: `${type} trigger ${name}`,
    zh: `${type} 触发器 ${name}`,
  }),
  removed: (title: Bilingual): Bilingual => ({ en: `${title.en} removed`, zh: `${title.zh} 已删除` }),
  created: (title: Bilingual): Bilingual => ({ en: `${title.en} created`, zh: `${title.zh} 已创建` }),
  updated: (title: Bilingual): Bilingual => ({ en: `${title.en} updated`, zh: `${title.zh} 已更新` }),
  urlCreated: (url: Bilingual): Bilingual => ({
    en: `function URL created: ${url.en}`,
    zh: `函数 URL 已创建：${url.zh}`,
  }),
  urlRemade: (url: Bilingual): Bilingual => ({
    en: `function URL made again: ${url.en}`,
    zh: `函数 URL 已重建：${url.zh}`,
  }),
  urlUnknown: {
    en: 'its address is not known yet, see sls info',
    zh: '地址暂时未知，请用 sls info 查看',
  },
  urlNotUpdated: (key: string, reason: Bilingual): Bilingual => ({
    en: `${key}: the settings of its function URL were not changed; the next sls deploy tries again. ${reason.en}`,
    zh: `${key}：函数 URL 的设置没有修改，下次 sls deploy 会再试。${reason.zh}`,
  }),
  urlDiffers: (key: string, code: string): Bilingual => ({
    en: `${key}: the settings of its function URL differ from serverless.yml and the cloud does not change them (${code}). sls deploy --yes deletes the URL and makes it again, with another address, and unbinds the domain meanwhile.`,
    zh: `${key}：函数 URL 的设置与 serverless.yml 不一致，腾讯云不允许修改（${code}）。sls deploy --yes 会删除后重建，地址会改变，其间域名会暂时解绑。`,
  }),
  strayLeft: (name: string, version: string, reason: Bilingual): Bilingual => ({
    en: `${name}: the temporary URL used to check version ${version} was not deleted; the next sls deploy deletes it. ${reason.en}`,
    zh: `${name}：检查版本 ${version} 用的临时 URL 没有删掉，下次 sls deploy 会删除。${reason.zh}`,
  }),
};

/** The commands beside deploy. */
export const operateTexts = {
  noFunction: (key: string, known: string): Bilingual => ({
    en: `There is no function ${key} in serverless.yml; there are ${known}.`,
    zh: `serverless.yml 中没有函数 ${key}；已有的函数：${known}。`,
  }),
  notDeployed: (key: string): Bilingual => ({ en: `${key}: not deployed`, zh: `${key}：未部署` }),
  deployed: (key: string, name: string, version: string, state: string): Bilingual => ({
    en: `${key}: ${name}, version ${version}, ${state}`,
    zh: `${key}：${name}，版本 ${version}，${state}`,
  }),
  url: (url: string): Bilingual => ({ en: `  http url: ${url}`, zh: `  函数 URL：${url}` }),
  timer: (name: string, cron: string): Bilingual => ({
    en: `  timer ${name}: ${cron} (UTC+8)`,
    zh: `  定时触发器 ${name}：${cron}（UTC+8）`,
  }),
  otherTrigger: (type: string, name: string): Bilingual => ({
    en: `  ${type} ${name}`,
    zh: `  ${type} 触发器 ${name}`,
  }),
  off: (line: Bilingual): Bilingual => ({ en: `${line.en}, off`, zh: `${line.zh}，已停用` }),
  domain: (domain: string): Bilingual => ({
    en: `domain: https://${domain}`,
    zh: `域名：https://${domain}`,
  }),
  logs: (url: string): Bilingual => ({
    en: `logs: ${url}, or sls logs -f FUNCTION`,
    zh: `日志：${url} ，或执行 sls logs -f FUNCTION`,
  }),
  noIpYet: {
    en: 'egress IP: none yet; the cloud may take a minute: run sls info again',
    zh: '出口 IP：暂无；分配可能需要一分钟，请稍后再执行 sls info',
  },
  ips: (ips: string): Bilingual => ({
    en: `egress IP: ${ips} (enter it: ${place.appTrustedIp.en})`,
    zh: `出口 IP：${ips}，请填入${place.appTrustedIp.zh}`,
  }),
  ipLostByRemove: (ips: string): Bilingual => ({
    en: `The fixed egress IP ${ips} is lost with the last function that uses it.`,
    zh: `删除最后一个使用固定出口 IP ${ips} 的函数后，该 IP 将丢失。`,
  }),
  urlsLostByRemove: (urls: string): Bilingual => ({
    en: `Function URLs never come back: ${urls} .`,
    zh: `函数 URL 删除后无法恢复：${urls} 。`,
  }),
  removeUnconfirmed: {
    en: 'To go ahead, run sls remove --yes.',
    zh: '确认继续请执行 sls remove --yes。',
  },
  domainUnbound: (domain: string | undefined): Bilingual => ({
    en: `domain ${domain} unbound`,
    zh: `域名 ${domain} 已解绑`,
  }),
  domainLeft: (domain: string, names: string): Bilingual => ({
    en: `${domain} leads to ${names}, which is not of this stage: it stays bound.`,
    zh: `${domain} 指向 ${names}，不属于这个 stage：没有解绑。`,
  }),
  removed: (name: string): Bilingual => ({ en: `${name} removed`, zh: `${name} 已删除` }),
  alarmsRemoved: (alarms: number): Bilingual => ({
    en: `${alarms} alarms removed`,
    zh: `已删除 ${alarms} 条告警`,
  }),
  alarmsLeft: (reason: Bilingual): Bilingual => ({
    en: `Alarms may be left, and would ring: look at ${place.logAlarms.en}. ${reason.en}`,
    zh: `可能还有告警没有删掉，会继续触发：请查看${place.logAlarms.zh}。${reason.zh}`,
  }),
  nothingDeployed: {
    en: 'Nothing of this service and stage is deployed.',
    zh: '这个服务在该 stage 下没有部署任何内容。',
  },
  topicKept: {
    en: 'The log topic is kept; delete it in the CLS console when nobody needs it any more.',
    zh: '日志主题已保留；不再需要时，请到日志服务控制台删除。',
  },
  toNeedsFunction: {
    en: '--to needs -f: versions are counted per function.',
    zh: '--to 必须与 -f 一起使用：每个函数的版本号各自独立。',
  },
  noVersion: (key: string, version: string, known: string): Bilingual => ({
    en: `${key} has no version ${version}; there are ${known}.`,
    zh: `${key} 没有版本 ${version}；已有的版本：${known}。`,
  }),
  liveAgain: (key: string, version: string, before: string): Bilingual => ({
    en: `${key}: version ${version} is live again, ${before} before`,
    zh: `${key}：已从版本 ${before} 回滚到版本 ${version}`,
  }),
  nothingEarlier: {
    en: 'There is no earlier version to go back to.',
    zh: '没有更早的版本可以回滚。',
  },
  isWeb: (key: string): Bilingual => ({
    en: `${key} is a web function: call the URL that sls info shows.`,
    zh: `${key} 是 Web 函数：请直接访问 sls info 显示的 URL。`,
  }),
  invokeFailed: (key: string, reason: string | undefined): Bilingual => ({
    en: `${key} failed: ${reason} (see sls logs -f ${key})`,
    zh: `${key} 执行失败：${reason}（查看日志：sls logs -f ${key}）`,
  }),
  logsCut: (entries: number): Bilingual => ({
    en: `Only the newest ${entries} entries are shown; --filter and a later --startTime leave fewer.`,
    zh: `只显示最新的 ${entries} 条；请用 --filter 或更晚的 --startTime 缩小范围。`,
  }),
  noTopic: (key: string): Bilingual => ({
    en: `${key} has no log topic: deploy it with cls in serverless.yml.`,
    zh: `${key} 没有日志主题：请在 serverless.yml 中设置 cls 后部署。`,
  }),
  logsNotDeployed: (key: string, topic: string): Bilingual => ({
    en: `${key} is not deployed. What it logged before is in the CLS console, topic ${topic}.`,
    zh: `${key} 未部署。以前的日志在日志服务控制台的日志主题 ${topic} 中。`,
  }),
};

/** The command line. */
export const optionTexts = {
  yes: {
    en: 'Go ahead although a fixed egress IP or a function URL is lost, or a domain leads to another stage',
    zh: '即使会丢失固定出口 IP 或函数 URL，或域名指向另一个 stage，也继续执行',
  },
  function: { en: 'Name of the function in serverless.yml', zh: 'serverless.yml 中的函数名' },
  to: { en: 'Version to go back to', zh: '要回滚到的版本' },
  lang: { en: 'Language of the messages: zh or en', zh: '提示信息的语言：zh 或 en' },
  unknown: (command: string, option: string, known: Bilingual): Bilingual => ({
    en: `sls ${command} has no --${option} on Tencent Cloud; it has ${known.en}.`,
    zh: `腾讯云的 sls ${command} 没有选项 --${option}；可用的选项：${known.zh}。`,
  }),
  none: { en: 'none of its own', zh: '无' },
  startTime: (given: string): Bilingual => ({
    en: `--startTime: "${given}" is neither like 30m, 2h, 1d nor a date like 2026-11-25T08:00Z.`,
    zh: `--startTime：“${given}”不是 30m、2h、1d 这样的时长，也不是 2026-11-25T08:00Z 这样的时间。`,
  }),
  interval: (msMin: number): Bilingual => ({
    en: `--interval: give milliseconds, ${msMin} or more.`,
    zh: `--interval：请填毫秒数，不小于 ${msMin}。`,
  }),
  dataOrPath: { en: 'Give --data or --path, not both.', zh: '--data 和 --path 只能用一个。' },
  dataNotJson: {
    en: 'The event must be JSON, e.g. -d \'{"action":"diagnose"}\'; --raw sends a text as it is.',
    zh: '事件必须是 JSON，例如 -d \'{"action":"diagnose"}\'；要原样发送文本，请加 --raw。',
  },
  fileNotJson: (path: string): Bilingual => ({
    en: `The event must be JSON, ${path} is not; --raw sends a text as it is.`,
    zh: `事件必须是 JSON，${path} 不是；要原样发送文本，请加 --raw。`,
  }),
  unreadable: (path: string): Bilingual => ({
    en: `--path: ${path} cannot be read.`,
    zh: `--path：无法读取 ${path}。`,
  }),
};

/** Mistakes in serverless.yml and in the files of a function. Each names the key. */
export const manifestTexts = {
  notValid: (problems: readonly Bilingual[]): Bilingual => ({
    en: `serverless.yml: ${problems.map(({ en }) => en).join('; ')}`,
    zh: `serverless.yml 有误：\n  ${problems.map(({ zh }) => zh).join('\n  ')}`,
  }),
  reservedName: (at: string, prefix: string | undefined): Bilingual => ({
    en: `${at}: names beginning with ${prefix}_ belong to SCF.`,
    zh: `${at}：以 ${prefix}_ 开头的变量名由云函数保留。`,
  }),
  damaged: (at: string, character: string): Bilingual => ({
    en: `${at}: the value holds "${character}", which Serverless or SCF would damage. Use base64url for keys and percent-encode it in URLs.`,
    zh: `${at}：值中有“${character}”，会被 Serverless 或云函数破坏。密钥请用 base64url，URL 中请做百分号编码。`,
  }),
  sameFileName: (at: string, name: string): Bilingual => ({
    en: `${at}: another file of this function is called ${name} too: rename one.`,
    zh: `${at}：这个函数还有一个文件也叫 ${name}：请给其中一个改名。`,
  }),
  tooLarge: (key: string, bytes: number, bytesMax: number): Bilingual => ({
    en: `functions.${key}.environment: ${bytes} bytes in all, SCF takes ${bytesMax}.`,
    zh: `functions.${key}.environment：共 ${bytes} 字节，云函数最多 ${bytesMax} 字节。`,
  }),
  missing: (names: string, stage: string, count: number): Bilingual => {
    const [are, them] = count === 1 ? ['is', 'it'] : ['are', 'them'];
    return {
      en: `${names} ${are} not set: copy .env.example to .env.${stage} or .env and fill ${them} in.`,
      zh: `未设置 ${names}：请把 .env.example 复制为 .env.${stage} 或 .env，填好后重试。`,
    };
  },
  environment: (key: string, problems: Bilingual): Bilingual => ({
    en: `functions.${key}.environment: ${problems.en}.`,
    zh: `functions.${key}.environment：${problems.zh}。`,
  }),
  noFolder: (key: string, folder: string): Bilingual => ({
    en: `functions.${key}.src: the folder ${folder} does not exist; was it built?`,
    zh: `functions.${key}.src：目录 ${folder} 不存在；是否已构建？`,
  }),
  strayFile: (path: string): Bilingual => ({
    en: `${path} does not belong into a function: remove it and build again.`,
    zh: `${path} 不应打包进函数：请删除后重新构建。`,
  }),
  noFile: (key: string, path: string): Bilingual => ({
    en: `functions.${key}.environment: the file ${path} does not exist.`,
    zh: `functions.${key}.environment：文件 ${path} 不存在。`,
  }),
  replacesFile: (key: string, path: string, replaced: string): Bilingual => ({
    en: `functions.${key}.environment: ${path} would replace ${replaced}: rename it.`,
    zh: `functions.${key}.environment：${path} 会覆盖 ${replaced}：请改名。`,
  }),
  noEntry: (key: string, folder: string, file: string, why: Bilingual): Bilingual => ({
    en: `functions.${key}.handler: ${folder} has no file ${file}, which ${why.en}.`,
    zh: `functions.${key}.handler：${folder} 中没有文件 ${file}（${why.zh}）。`,
  }),
  startsWeb: { en: 'starts a function of type web', zh: 'web 类型的函数由它启动' },
  handlerNames: (handler: string): Bilingual => ({
    en: `the handler ${handler} names`,
    zh: `handler ${handler} 所指的文件`,
  }),
  noRuntime: (at: string, runtime: string, known: string): Bilingual => ({
    en: `${at}: "${runtime}" is no runtime of SCF. Those of 2026-11: ${known}; a newer Node.js is spelt like Nodejs22.20.`,
    zh: `${at}：“${runtime}”不是云函数的运行环境。2026 年 11 月支持：${known}；更新的 Node.js 请写成 Nodejs22.20 的形式。`,
  }),
  otherNode: (at: string, started: string, runtime: string): Bilingual => ({
    en: `${at}: its scf_bootstrap starts Node.js ${started} and its runtime is ${runtime}: build again, with provider.runtime in serverless.yml.`,
    zh: `${at}：scf_bootstrap 启动的是 Node.js ${started}，而运行环境是 ${runtime}：请在 serverless.yml 中设置 provider.runtime 后重新构建。`,
  }),
  webhook: {
    en: 'provider.alarms.webhook (ALARM_WEBHOOK) is no address of a group robot of WeCom: https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…',
    zh: 'provider.alarms.webhook（ALARM_WEBHOOK）不是企业微信群机器人的地址：https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…',
  },
  uin: {
    en: 'provider.alarms.uin (ALARM_UIN): give ids of accounts of Tencent Cloud (账号 ID), separated by commas.',
    zh: 'provider.alarms.uin（ALARM_UIN）：请填腾讯云账号 ID，多个用英文逗号分隔。',
  },
  name: (at: string, name: string): Bilingual => ({
    en: `${at}: the name "${name}" (${name.length} characters) is not one SCF takes: 2 to 60 letters, digits, - and _, starting with a letter, not ending in - or _. Shorten service, stage or function.`,
    zh: `${at}：函数名“${name}”（${name.length} 个字符）不符合云函数的要求：2 至 60 个字符，只含字母、数字、- 和 _，以字母开头，不以 - 或 _ 结尾。请缩短服务名、环境名或函数名。`,
  }),
  description: (at: string): Bilingual => ({
    en: `${at}.description: SCF takes letters, digits, blanks, commas, full stops and Chinese.`,
    zh: `${at}.description：只能使用字母、数字、空格、逗号、句号和中文。`,
  }),
  memorySize: (at: string, given: number): Bilingual => ({
    en: `${at}.memorySize: ${given} is not 64 or a multiple of 128.`,
    zh: `${at}.memorySize：${given} 不是 64，也不是 128 的倍数。`,
  }),
  instanceConcurrency: (at: string): Bilingual => ({
    en: `${at}.instanceConcurrency: only functions of type web take several requests at once.`,
    zh: `${at}.instanceConcurrency：只有 web 类型的函数才能设置单实例多并发。`,
  }),
  vpc: (at: string): Bilingual => ({
    en: `${at}.vpc: vpcId and subnetId belong together, one of them is empty.`,
    zh: `${at}.vpc：vpcId 和 subnetId 必须同时填写，现在有一个为空。`,
  }),
  eip: (at: string): Bilingual => ({
    en: `${at}.eip: a fixed egress IP needs publicNetwork: true.`,
    zh: `${at}.eip：使用固定出口 IP 必须设置 publicNetwork: true。`,
  }),
  webTimer: (at: string): Bilingual => ({
    en: `${at}: a function of type web takes no timer; use type: event.`,
    zh: `${at}：web 类型的函数不支持定时触发器；请改用 type: event。`,
  }),
  cronFields: (at: string, expression: string, fields: number): Bilingual => ({
    en: `${at}: "${expression}" has ${fields} fields, SCF wants 7 (second minute hour day month weekday year), e.g. "0 */5 * * * * *".`,
    zh: `${at}：“${expression}”有 ${fields} 个字段，云函数要求 7 个（秒 分 时 日 月 星期 年），例如 "0 */5 * * * * *"。`,
  }),
  cron: (at: string, expression: string): Bilingual => ({
    en: `${at}: "${expression}" is not a cron expression.`,
    zh: `${at}：“${expression}”不是合法的 cron 表达式。`,
  }),
  route: (path: string, key: string): Bilingual => ({
    en: `provider.customDomain.routes["${path}"]: ${key} is no function with an http event.`,
    zh: `provider.customDomain.routes["${path}"]：${key} 不是带 http 事件的函数。`,
  }),
  certificate: {
    en: 'provider.customDomain.certificateId: mini-programs need https, give the id of a certificate.',
    zh: 'provider.customDomain.certificateId：小程序必须使用 https，请填写证书 ID。',
  },
};
