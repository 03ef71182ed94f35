import { runAsProcess } from './command.ts';
import { sessions } from './sessions/command.ts';

await runAsProcess(sessions);
