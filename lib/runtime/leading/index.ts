export { beforeLookingUp } from './answers.js';
export type { LeaderTask } from './candidacy.js';
export { LeaderElection } from './leader-election.js';
export { LeaderRole } from './leader-role.js';
export { isRepeatable, RepeatedCommands } from './repeated-commands.js';
export type { EnqueueOptions, RoleOwner } from './role-owner.js';
