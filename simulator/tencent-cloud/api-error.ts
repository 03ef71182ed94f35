/** What Tencent's APIs answer instead of a result: HTTP 200 with `Response.Error.Code` and `.Message`. */
export class ApiError extends Error {
  constructor(
    /** Dotted code as documented, e.g. `InvalidParameterValue.Handler`. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The connection is cut instead of answered: what a network failure looks like to the client. */
export class ConnectionCut extends Error {}
