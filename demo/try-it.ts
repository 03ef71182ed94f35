// What the terminal shows after the story: commands to try.
import { company, member } from './people.ts';
import type { Screen } from './screen.ts';

/** Prints commands that work as they are, in sh, bash and zsh. */
export function showWhatToTry(screen: Screen, pageUrl: string, wecomUrl: string): void {
  // Through the page's server, so that it survives a restart of the login function.
  const loginUrl = `${pageUrl}/server`;
  const person = JSON.stringify({ corpid: company.corpid, userid: member.userid });
  // createJsCode returns exactly the body of POST /login.
  const login = [
    `curl -s ${wecomUrl}/_simulator/createJsCode \\`,
    `    -d '${person}' |`,
    `  curl -s -w '\\n' ${loginUrl}/login -H 'Content-Type: application/json' -d @-`,
  ].join('\n  ');

  screen.heading(`Now open ${pageUrl}/`);
  screen.print(
    'It shows the mini-program on a phone, faults to switch on, and every call. Ctrl-C ends everything.',
  );
  screen.print(
    '\nIn another terminal, log in with a new code, as the mini-program gets it from wx.qy.login:',
  );
  screen.command(`  ${login}`);
  screen.print('\nLog in and ask who is logged in:');
  screen.command(`  TOKEN=$(${login} |\n    sed 's/.*"session_token":"\\([^"]*\\)".*/\\1/')`);
  screen.command(`  curl -s -w '\\n' ${loginUrl}/session -H "Authorization: Bearer $TOKEN"`);
  screen.print('\nMake WeCom drop the access_token early, then log in again:');
  screen.command(`  curl -s ${wecomUrl}/_simulator/dropTokens -d '{"corpid":"${company.corpid}"}'`);
  screen.print('\nRequests are shown here:');
}
