/** What happens to a round. It stands apart from `Round`, because a game listens to it, and a round to games. */
export interface RoundEvents {
  /** `startedAt` is missing in events from before games could be reopened. */
  round_started: { game: string; startedAt?: string; seconds: number };
  round_ended: { game: string; startedAt?: string };
}
