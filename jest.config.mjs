/** Specs import the sources; processes that specs start run the compiled package (npm test builds it first). */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['<rootDir>/test/house/apps/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^omniscient-nest$': '<rootDir>/lib/index.ts',
    '^omniscient-nest/(sqlite|memory|rethinkdb)$': '<rootDir>/lib/engines/$1/index.ts',
    '^omniscient-nest/(testing|engine)$': '<rootDir>/lib/$1/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
  // Only for what hangs: how long a thing takes says nothing on a machine that does something else as well.
  testTimeout: 300_000,
  // What a spec file imported stays in its worker's memory: one that has grown is replaced.
  workerIdleMemoryLimit: '1GB',
  reporters: [
    'default',
    '<rootDir>/test/support/missing-reporter.mjs',
    // Last, because its line is to be the last.
    '<rootDir>/scripts/closing-line-reporter.mjs',
  ],
};
