export { type Commit, commitOf, settleFailed } from './commit.js';
export { CommitPipeline, type PipelineOwner } from './commit-pipeline.js';
export { conflictOf } from './conflict-errors.js';
export { type FeedOwner, LiveFeed } from './live-feed.js';
export { mayRunAgain, NestedCalls } from './nested-calls.js';
export { causeIn, Request } from './request.js';
