export { AuditTrail } from './audit-trail.js';
export { EventStream } from './event-stream.js';
export { EventSubscriptions, type SubscriptionOptions } from './subscriptions.js';
