/** What to change for your own mini-program. Never put a secret here: anybody can unpack a mini-program. */
export const settings = {
  /** Address of the login function: its custom domain, `https://…`, listed as request 合法域名. */
  serverUrl: 'https://login.example.com',
  /** Shown in ordinary WeChat: who this mini-program is for. */
  audience: '本公司员工',
  /** Names of companies by corpid. A company without a name is shown by its corpid. */
  companyNames: {} as Record<string, string>,
};
