export { type AppendRetryOptions, appendWithRetry } from './append-retry.js';
export {
  type BatchOutcome,
  type BatchWriter,
  type FailedAppend,
  GROUP_COMMIT_LIMITS,
  GroupCommit,
  type GroupCommitLimits,
} from './group-commit.js';
