import { runAsProcess } from './command.ts';
import { setup } from './setup/command.ts';

await runAsProcess(setup);
