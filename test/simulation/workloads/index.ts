import type { SimulationOptions } from 'omniscient-nest/testing';
import { ACCOUNTS } from './accounts.js';
import { CLOCKS } from './clocks.js';
import { ORDERS } from './orders.js';
import { READ_MODELS } from './read-models.js';
import { TRANSFERS } from './transfers.js';

/** What the library is simulated with, by name. */
export const WORKLOADS: Readonly<Record<string, SimulationOptions>> = {
  accounts: ACCOUNTS,
  orders: ORDERS,
  clocks: CLOCKS,
  'read-models': READ_MODELS,
  transfers: TRANSFERS,
};
