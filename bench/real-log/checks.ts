/** What the log says must come out. */
export interface Expected {
  events: number;
  readonly activities: Map<string, number>;
  readonly statuses: Map<string, string>;
}

/** What the actors say. */
export type Found = Expected;

/** Published totals of the BPI Challenge 2012 log, to check a run over the whole of it against. */
const KNOWN_EVENTS = 262_200;
const KNOWN_APPLICATIONS = 13_087;
const KNOWN_TOTALS: Readonly<Record<string, number>> = {
  A_SUBMITTED: 13_087,
  A_PREACCEPTED: 7_367,
  A_ACCEPTED: 5_113,
  A_FINALIZED: 5_015,
  A_APPROVED: 2_246,
  A_DECLINED: 7_635,
  A_CANCELLED: 2_807,
  O_SENT: 7_030,
  O_ACCEPTED: 2_243,
  'W_Completeren aanvraag': 54_850,
};

/** @throws Error that names what is wrong. */
export function assertTotals(when: string, found: Found, expected: Expected): void {
  const wrong: string[] = [];
  const compare = (what: string, is: unknown, shouldBe: unknown) => {
    if (is !== shouldBe) wrong.push(`${what} is ${String(is)} instead of ${String(shouldBe)}`);
  };
  compare('the number of events', found.events, expected.events);
  for (const [activity, count] of expected.activities) compare(activity, found.activities.get(activity), count);
  compare('the number of activities', found.activities.size, expected.activities.size);
  for (const [id, status] of expected.statuses) compare(`the status of ${id}`, found.statuses.get(id), status);
  if (expected.events === KNOWN_EVENTS) {
    compare('the number of applications', found.statuses.size, KNOWN_APPLICATIONS);
    for (const [activity, count] of Object.entries(KNOWN_TOTALS))
      compare(`published ${activity}`, found.activities.get(activity), count);
  }
  if (wrong.length > 0) throw new Error(`${when}: ${wrong.length} checks failed: ${wrong.slice(0, 10).join('; ')}`);
}

export function summaryOf(when: string, { events, statuses }: Found): string {
  const counts = new Map<string, number>();
  for (const status of statuses.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  const ended = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
  return `${when}: ${events} events of ${statuses.size} applications (${ended}); all totals agree`;
}
