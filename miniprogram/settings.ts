/** What to change when you put these pages into your own mini-program. No secret belongs here: everybody can unpack it. */
export const settings = {
  /** Where the login function answers: its custom domain, `https://…`, listed as request 合法域名. */
  serverUrl: 'https://login.example.com',
  /** Shown in ordinary WeChat: whom this mini-program is for. */
  audience: '本公司员工',
  /** Names to show for companies, by corpid; a company without a name is shown by its corpid. */
  companyNames: {} as Record<string, string>,
};
