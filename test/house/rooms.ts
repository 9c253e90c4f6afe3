import { readSource } from './source-files.js';

/**
 * The rooms of lib, from test/house/rooms.json: folders of files that belong together. Other rooms enter one through its `index.ts`
 * only. rooms.spec.ts holds the code to the table, and scripts/architecture.mjs draws docs/architecture.md from it. Between floors the table of floors.ts says who may import whom.
 */
export interface Room {
  /** The folder below lib. */
  readonly room: string;
  /** What happens there. */
  readonly about: string;
  /** Rooms of the same floor that it may import; each stands above it in the table. */
  readonly imports: readonly string[];
}

export interface RoomFloor {
  readonly name: string;
  readonly about: string;
  /** Lowest first. */
  readonly rooms: readonly Room[];
}

export const ROOM_FLOORS: readonly RoomFloor[] = (
  JSON.parse(readSource('test/house/rooms.json')) as { floors: readonly RoomFloor[] }
).floors;

export const ROOMS: ReadonlyMap<string, Room> = new Map(
  ROOM_FLOORS.flatMap(({ rooms }) => rooms.map((room) => [room.room, room])),
);

/** Whether two rooms stand on one floor. */
export function isOneFloor(one: string, other: string): boolean {
  return ROOM_FLOORS.some(({ rooms }) => [one, other].every((name) => rooms.some(({ room }) => room === name)));
}
