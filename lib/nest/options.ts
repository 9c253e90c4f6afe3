import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency, Type } from '@nestjs/common';
import type { Engine } from '../engine/duties/engine.js';
import type { Clock, Ids } from '../kernel/values/clock.js';
import type { ErrorClass } from '../runtime/cluster/error-codec.js';
import type { RuntimeLimits } from '../runtime/parts/settings.js';

/** What `EventSourcingModule.forRoot()` takes; everything has a default. */
export interface EventSourcingOptions extends Partial<RuntimeLimits> {
  /** Where streams are stored. Default: `SqliteEngine` in `./data/events.db`. */
  engine?: Engine;
  /** This process among others, in metadata and logs. Default: a random UUID. */
  nodeId?: string;
  /**
   * Whether this node tells of its work through `@opentelemetry/api`. Default: if an SDK is registered when the module starts. `true`: in any case, and the start
   * fails if the package is missing.
   */
  telemetry?: boolean;
  /** Classes of errors that commands of a `OneActor` throw: on other nodes they arrive as instances of them. Nest's own exceptions do anyway. */
  errors?: readonly ErrorClass[];
  /** Default: the machine's clock. */
  clock?: Clock;
  /** Default: random UUIDs. */
  ids?: Ids;
}

/** A provider that knows the options, for `useClass` and `useExisting`. */
export interface EventSourcingOptionsFactory {
  createEventSourcingOptions(): EventSourcingOptions | Promise<EventSourcingOptions>;
}

interface AsyncSource extends Pick<ModuleMetadata, 'imports'> {
  useFactory?: never;
  useClass?: never;
  useExisting?: never;
  inject?: never;
}

type FromFactory = Omit<AsyncSource, 'useFactory' | 'inject'> & {
  // Nest itself types the arguments of a factory this way: they are whatever `inject` names.
  useFactory: (...parts: never[]) => EventSourcingOptions | Promise<EventSourcingOptions>;
  inject?: (InjectionToken | OptionalFactoryDependency)[];
};
type FromClass = Omit<AsyncSource, 'useClass'> & { useClass: Type<EventSourcingOptionsFactory> };
type FromExisting = Omit<AsyncSource, 'useExisting'> & { useExisting: InjectionToken<EventSourcingOptionsFactory> };

/** What `EventSourcingModule.forRootAsync()` takes: exactly one of `useFactory` (with `inject`), `useClass` and `useExisting`. */
export type EventSourcingAsyncOptions = FromFactory | FromClass | FromExisting;
