/** The driver has no types of its own. The part that is used is described in driver.ts. */
declare module 'rethinkdb' {
  const driver: unknown;
  // biome-ignore lint/style/noDefaultExport: the driver's module has a default export.
  export default driver;
}
