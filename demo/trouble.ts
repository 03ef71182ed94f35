/** Why the demo cannot continue, in one line for its user. Any other error is a bug and is shown with its stack. */
export class Trouble extends Error {
  override readonly name = 'Trouble';
}
