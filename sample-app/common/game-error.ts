/** Something a player may not do; `code` is for programs, the message for people. */
export class GameError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** The same for accounts: not who they say they are, or not allowed to be. */
export class AccountError extends GameError {}
