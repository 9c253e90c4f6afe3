/** The package `@opentelemetry/api`, when it is there. */
export type Api = typeof import('@opentelemetry/api');
