export { commandNameOf, isOnce, isUsers, REACTIONS } from './command-names.js';
export { fireOne } from './fire-one.js';
export { assertKey, onceCommand, onceNamed } from './once.js';
export {
  assertNoDeadlock,
  causeOf,
  currentTurn,
  labelIn,
  subscribersContext,
  type Turn,
  type TurnOwner,
} from './turn.js';
export { TurnContext } from './turn-context.js';
export { TurnLoop } from './turn-loop.js';
