import { company, member } from './people.ts';
import type { Screen } from './screen.ts';

/** Prints commands that work as they are, in sh, bash and zsh. */
export function showWhatToTry(screen: Screen, pageUrl: string, wecomUrl: string): void {
  // Past every restart of the login function.
  const loginUrl = `${pageUrl}/server`;
  const person = JSON.stringify({ corpid: company.corpid, userid: member.userid });
  // createJsCode answers exactly what POST /login takes.
  const login = [
    `curl -s ${wecomUrl}/_simulator/createJsCode \\`,
    `    -d '${person}' |`,
    `  curl -s -w '\\n' ${loginUrl}/login -H 'Content-Type: application/json' -d @-`,
  ].join('\n  ');

  screen.heading(`Now open ${pageUrl}/`);
  screen.print(
    'The mini-program on a phone, beside it what can break and every call. Ctrl-C ends everything.',
  );
  screen.print('\nIn another terminal, log in with a fresh code, as wx.qy.login gives the mini-program one:');
  screen.command(`  ${login}`);
  screen.print('\nLog in and ask who is logged in:');
  screen.command(`  TOKEN=$(${login} |\n    sed 's/.*"session_token":"\\([^"]*\\)".*/\\1/')`);
  screen.command(`  curl -s -w '\\n' ${loginUrl}/session -H "Authorization: Bearer $TOKEN"`);
  screen.print('\nLet WeCom drop the access_token early, then log in again:');
  screen.command(`  curl -s ${wecomUrl}/_simulator/dropTokens -d '{"corpid":"${company.corpid}"}'`);
  screen.print('\nWhat arrives is shown here:');
}
