import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency, Type } from '@nestjs/common';
import type { Engine } from '../engine/duties/index.js';
import type { Clock, Ids } from '../kernel/values/index.js';
import type { ErrorClass } from '../runtime/cluster/index.js';
import type { RuntimeLimits } from '../runtime/parts/index.js';

/** The options of `EventSourcingModule.forRoot()`. All have a default. */
export interface EventSourcingOptions extends Partial<RuntimeLimits> {
  /** Where streams are stored. Default: `SqliteEngine` in `./data/events.db`. */
  engine?: Engine;
  /** The id of this process among the others, in metadata and logs. Default: a random UUID. */
  nodeId?: string;
  /**
   * Whether this node reports to `@opentelemetry/api`. Default: if an SDK is registered when the module starts. With
   * `true` it always reports, and the start fails if the package is missing.
   */
  telemetry?: boolean;
  /**
   * Error classes that commands of a `OneActor` throw. On other nodes, such errors arrive as instances of these
   * classes. Nest's own exceptions always do.
   */
  errors?: readonly ErrorClass[];
  /** The clock that gives events their time. Default: the machine's. */
  clock?: Clock;
  /** What makes new ids. Default: random UUIDs. */
  ids?: Ids;
}

/** A provider that creates the options, for `useClass` and `useExisting`. */
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
  // `never[]`, as in Nest's own types: the arguments are whatever `inject` names.
  useFactory: (...parts: never[]) => EventSourcingOptions | Promise<EventSourcingOptions>;
  inject?: (InjectionToken | OptionalFactoryDependency)[];
};
type FromClass = Omit<AsyncSource, 'useClass'> & { useClass: Type<EventSourcingOptionsFactory> };
type FromExisting = Omit<AsyncSource, 'useExisting'> & { useExisting: InjectionToken<EventSourcingOptionsFactory> };

/**
 * The options of `EventSourcingModule.forRootAsync()`: exactly one of `useFactory` (with `inject`), `useClass` and
 * `useExisting`.
 */
export type EventSourcingAsyncOptions = FromFactory | FromClass | FromExisting;
