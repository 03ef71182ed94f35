import { runAsProcess } from './command.ts';
import { doctor } from './doctor/command.ts';

await runAsProcess(doctor);
