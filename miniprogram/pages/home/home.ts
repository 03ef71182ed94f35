import { requireLogin, wecomLogin } from '../../login';
import { settings } from '../../settings';
import { duration, noProblem, problemOf, timeOf, userdataLabels } from '../../texts';
import { type Session, sessionOf, toLoginError, type UserdataKind, WecomLoginError } from '../../wecom-login';

interface Fact {
  label: string;
  value: string;
}

/** What `GET /session` returns in addition: roles only with `ROLES`; a name that WeCom does not show is empty. */
interface Places {
  roles?: string[];
  member?: { department_names?: string[] };
}

const tickMs = 1000;
/** Length of `09:05:07` at the end of a time. */
const timeCharacters = 8;

/** An example page: who is logged in, a protected request, and data of the member that only the server can decrypt. */
Page(
  requireLogin({
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
    /** Set when the page is closed: a closed page must not navigate. */
    closed: false,
    endsAtMs: 0,
    ticking: 0,

    onLoad() {
      const session = wecomLogin.session();
      if (session) this.show(session);
    },

    onShow() {
      clearInterval(this.ticking);
      this.ticking = setInterval(() => this.tick(), tickMs);
    },

    onHide() {
      clearInterval(this.ticking);
    },

    onUnload() {
      this.closed = true;
      clearInterval(this.ticking);
    },

    /** @param places only the server knows them: missing until it has been asked */
    show(session: Session, places: Places = {}) {
      this.endsAtMs = session.endsAtMs;
      this.setData(session.role === 'member' ? memberView(session, places) : reviewerView);
      this.tick();
    },

    tick() {
      const seconds = (this.endsAtMs - Date.now()) / 1000;
      const remaining = seconds > 0 ? duration(seconds) : '已到期，刷新时自动续期';
      if (remaining !== this.data.remaining) this.setData({ remaining });
    },

    async check() {
      if (this.data.checking) return;
      this.setData({ checking: true, checkProblem: noProblem });
      try {
        const answer = await wecomLogin.request<Places>({ url: '/session?department_names=true' });
        const session = sessionOf(answer);
        if (!session) throw new WecomLoginError('bad_server_answer');
        this.show(session, answer);
        this.setData({ checkedAt: timeOf(new Date()).slice(-timeCharacters) });
      } catch (thrown) {
        this.setData({ checkedAt: '', checkProblem: problemOf(toLoginError(thrown)) });
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
        this.setData({ userdataProblem: problemOf(toLoginError(thrown)) });
      } finally {
        this.setData({ fetching: '' });
      }
    },

    async leave() {
      if (this.data.leaving) return;
      this.setData({ leaving: true });
      const confirmed = await wecomLogin.logout();
      if (this.closed) return;
      void wx.reLaunch({ url: `/pages/entrance/entrance?stay=left${confirmed ? '' : '&unconfirmed=1'}` });
    },
  }),
);

function memberView({ member }: Extract<Session, { role: 'member' }>, { roles, member: places }: Places) {
  const { corpid, userid, position } = member;
  const name = member.name || userid;
  const company = settings.companyNames[corpid];
  const departments = places?.department_names?.filter(Boolean) ?? [];
  return {
    isMember: true,
    initial: Array.from(name)[0] ?? '',
    name,
    subtitle: [company, position].filter(Boolean).join(' · '),
    badge: '成员',
    facts: [
      { label: '企业', value: company ?? corpid },
      { label: '账号', value: userid },
      { label: '职务', value: position || '未提供' },
      ...(departments.length > 0 ? [{ label: '部门', value: departments.join('、') }] : []),
      ...(roles ? [{ label: '角色', value: roles.join('、') || '无' }] : []),
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
  ],
};

function factsOf(data: Record<string, unknown>): Fact[] {
  return Object.keys(data)
    .filter((name) => data[name] !== '' && data[name] !== null)
    .map((name) => ({ label: userdataLabels[name] ?? name, value: textOf(name, data[name]) }));
}

function textOf(name: string, value: unknown): string {
  if (name === 'gender') return String(value) === '1' ? '男' : String(value) === '2' ? '女' : '未设置';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
