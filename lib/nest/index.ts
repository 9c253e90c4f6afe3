export { EventSourcingModule } from './event-sourcing.module.js';
export { EventSourcingHealth, type EventSourcingHealthResult, type HealthLimits } from './health.js';
export { getActorToken, InjectActor } from './injection.js';
export type { EventSourcingAsyncOptions, EventSourcingOptions, EventSourcingOptionsFactory } from './options.js';
