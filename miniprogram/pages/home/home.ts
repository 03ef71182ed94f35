import { showRefusal, wecomLogin } from '../../login';
import { settings } from '../../settings';
import { duration, noProblem, type Problem, problemOf, userdataLabels } from '../../texts';
import { type Session, sessionOf, toLoginError, type UserdataKind, WecomLoginError } from '../../wecom-login';

interface Fact {
  label: string;
  value: string;
}

const tickMs = 1000;
/** Errors after which this page has nothing more to show. */
const endings = [
  'corp_not_allowed',
  'member_not_allowed',
  'not_in_wecom',
  'logged_out',
  'reviewer_session_ended',
];
let ticking = 0;
let endsAtMs = 0;

/** Who is logged in, a protected request, and data of the member that only the server can decrypt. */
Page({
  data: {
    isMember: true,
    initial: '',
    name: '',
    subtitle: '',
    badge: '',
    facts: [] as Fact[],
    remaining: '',
    checking: false,
    checkedAt: '',
    checkProblem: noProblem,
    fetching: '' as UserdataKind | '',
    userdata: [] as Fact[],
    userdataProblem: noProblem,
    leaving: false,
  },

  onLoad() {
    const session = wecomLogin.session();
    // Opened by its own address, before anybody logged in.
    if (!session) void wx.reLaunch({ url: '/pages/entrance/entrance' });
    else this.show(session);
  },

  onShow() {
    clearInterval(ticking);
    ticking = setInterval(() => this.tick(), tickMs);
  },

  onHide() {
    clearInterval(ticking);
  },

  onUnload() {
    clearInterval(ticking);
  },

  show(session: Session) {
    endsAtMs = session.endsAtMs;
    this.setData(session.role === 'member' ? memberView(session) : reviewerView);
    this.tick();
  },

  tick() {
    const seconds = (endsAtMs - Date.now()) / 1000;
    const remaining = seconds > 0 ? duration(seconds) : '已到期，下次操作时自动续期';
    if (remaining !== this.data.remaining) this.setData({ remaining });
  },

  async check() {
    if (this.data.checking) return;
    this.setData({ checking: true, checkProblem: noProblem });
    try {
      const session = sessionOf(await wecomLogin.request({ url: '/session' }));
      if (!session) throw new WecomLoginError('bad_server_answer');
      this.show(session);
      this.setData({ checkedAt: clockTime(new Date()) });
    } catch (thrown) {
      this.setData({ checkedAt: '', checkProblem: problemHere(thrown) });
    } finally {
      this.setData({ checking: false });
    }
  },

  async fetchUserdata(event: WechatMiniprogram.TouchEvent) {
    if (this.data.fetching !== '') return;
    const kind = event.currentTarget.dataset['kind'] as UserdataKind;
    this.setData({ fetching: kind, userdata: [], userdataProblem: noProblem });
    try {
      this.setData({ userdata: factsOf(await wecomLogin.userdata(kind)) });
    } catch (thrown) {
      this.setData({ userdataProblem: problemHere(thrown) });
    } finally {
      this.setData({ fetching: '' });
    }
  },

  async leave() {
    if (this.data.leaving) return;
    this.setData({ leaving: true });
    const confirmed = await wecomLogin.logout();
    void wx.reLaunch({ url: `/pages/entrance/entrance?stay=left${confirmed ? '' : '&unconfirmed=1'}` });
  },
});

function memberView({ member }: Extract<Session, { role: 'member' }>) {
  const { corpid, userid, department, position } = member;
  const name = member.name || userid;
  const company = settings.companyNames[corpid];
  return {
    isMember: true,
    initial: Array.from(name)[0] ?? '',
    name,
    subtitle: [company, position].filter(Boolean).join(' · ') || '企业成员',
    badge: '成员',
    facts: [
      { label: '企业', value: company ?? corpid },
      { label: '账号', value: userid },
      { label: '部门编号', value: department.length > 0 ? department.join('、') : '未提供' },
      { label: '职务', value: position || '未提供' },
      { label: '角色', value: '企业成员' },
    ],
  };
}

const reviewerView = {
  isMember: false,
  initial: '审',
  name: '审核人员',
  subtitle: '应用商店审核',
  badge: '审核',
  facts: [
    { label: '企业', value: '示例公司' },
    { label: '部门', value: '示例部门' },
    { label: '职务', value: '示例职务' },
    { label: '角色', value: '审核人员' },
  ],
};

/** What to show beside the button; whoever may not stay is taken to the page that says so. */
function problemHere(thrown: unknown): Problem {
  const error = toLoginError(thrown);
  if (endings.includes(error.code)) showRefusal(error);
  return problemOf(error);
}

function factsOf(data: Record<string, unknown>): Fact[] {
  return Object.entries(data)
    .filter(([, value]) => value !== '' && value !== null)
    .map(([name, value]) => ({
      label: userdataLabels[name] ?? name,
      value: name === 'gender' ? genderOf(value) : typeof value === 'string' ? value : JSON.stringify(value),
    }));
}

function genderOf(value: unknown): string {
  return String(value) === '1' ? '男' : String(value) === '2' ? '女' : '未设置';
}

function clockTime(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':');
}
