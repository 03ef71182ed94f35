/** A refusal of Tencent's APIs: HTTP 200 with `Response.Error.Code` and `.Message`. */
export class ApiError extends Error {
  constructor(
    /** Documented code with dots, e.g. `InvalidParameterValue.Handler`. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The connection is closed without an answer, as in a network failure. */
export class ConnectionCut extends Error {}
