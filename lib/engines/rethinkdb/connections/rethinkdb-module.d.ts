/** The driver brings no types along; what is used of it is described in driver.ts. */
declare module 'rethinkdb' {
  const driver: unknown;
  // biome-ignore lint/style/noDefaultExport: that is how it comes.
  export default driver;
}
