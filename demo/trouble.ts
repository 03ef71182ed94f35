/** Why the demo cannot go on, in one line for whoever started it; any other error is a bug and keeps its stack. */
export class Trouble extends Error {
  override readonly name = 'Trouble';
}
