import { runAsProcess } from './command.ts';
import { reviewer } from './reviewer/command.ts';

await runAsProcess(reviewer);
