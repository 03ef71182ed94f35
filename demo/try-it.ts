// What the terminal shows after the story: commands to try.
import { company, member } from './people.ts';
import type { Screen } from './screen.ts';
import { tryTexts } from './texts.ts';

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

  screen.heading(tryTexts.open(pageUrl));
  screen.print(tryTexts.shows);
  screen.print(tryTexts.logIn);
  screen.command(`  ${login}`);
  screen.print(tryTexts.ask);
  screen.command(`  TOKEN=$(${login} |\n    sed 's/.*"session_token":"\\([^"]*\\)".*/\\1/')`);
  screen.command(`  curl -s -w '\\n' ${loginUrl}/session -H "Authorization: Bearer $TOKEN"`);
  screen.print(tryTexts.drop);
  screen.command(`  curl -s ${wecomUrl}/_simulator/dropTokens -d '{"corpid":"${company.corpid}"}'`);
  screen.print(tryTexts.requests);
}
