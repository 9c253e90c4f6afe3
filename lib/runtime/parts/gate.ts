/** What waits behind it goes on when it opens, which it does once and for good. */
export class Gate {
  readonly opened: Promise<void>;
  #isOpen = false;
  #open: () => void = () => {};

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): void {
    this.#isOpen = true;
    this.#open();
  }
}
