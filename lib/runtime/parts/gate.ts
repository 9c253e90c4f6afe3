/** Holds back waiting work until it opens, which happens once and for good. */
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
