/** One thing that may happen to the login, and what it promises then; `docs/reliability.md` lists them all. */
export interface Row {
  /** Tests carry it in their name, in brackets: `[R2] POST /login › …`; one test may carry several: `[R1 R2]`. */
  id: string;
  /** The fault or the attack, in one line. */
  threat: string;
  promise: string;
  /** Why there is no test: the row does not concern this design, or cannot be produced here. */
  argued?: string;
}
