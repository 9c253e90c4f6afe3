import { RegistrationError } from '../../kernel/values/index.js';
import type { Telemetry } from '../parts/index.js';
import type { Api } from './api.js';
import { OpenTelemetry } from './open-telemetry.js';

/**
 * Loads a node's telemetry, once, when it starts. The package is imported only here, so that applications without
 * telemetry need not install it.
 *
 * @param wanted `undefined` to use telemetry if an SDK is registered by now.
 * @throws RegistrationError (`TELEMETRY_MISSING`) when it is wanted and the package is missing, (`INVALID_OPTION`) for
 *   another value.
 */
export async function loadTelemetry(wanted: boolean | undefined, nodeId: string): Promise<Telemetry | undefined> {
  if (wanted !== undefined && typeof wanted !== 'boolean') {
    const message = `the option 'telemetry' must be true, false or left out, but got ${JSON.stringify(wanted)}`;
    throw new RegistrationError('INVALID_OPTION', message);
  }
  if (wanted === false) return undefined;
  const api = await load(wanted === true);
  return api && (wanted || isListening(api)) ? new OpenTelemetry(api, nodeId) : undefined;
}

async function load(isNeeded: boolean): Promise<Api | undefined> {
  try {
    return await import('@opentelemetry/api');
  } catch (cause) {
    if (!isNeeded) return undefined;
    const message =
      "forRoot({ telemetry: true }) needs the package '@opentelemetry/api', which is not installed: run 'npm install @opentelemetry/api', or leave the " +
      'option out';
    throw new RegistrationError('TELEMETRY_MISSING', message, { cause });
  }
}

/**
 * Whether an SDK for traces or metrics is registered. Without one, the package always returns the same objects, which
 * do nothing.
 */
function isListening(api: Api): boolean {
  const { ProxyTracerProvider, trace, metrics, createNoopMeter } = api;
  const provider = trace.getTracerProvider();
  const tracers = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
  const isTracing = tracers !== new ProxyTracerProvider().getDelegate();
  return isTracing || metrics.getMeter('omniscient-nest') !== createNoopMeter();
}
