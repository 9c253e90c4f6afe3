import type { Page } from 'playwright-core';

/** What WCAG 2.2 asks of text, at level AA. */
const CONTRAST_MIN = 4.5;

/** Texts that can hardly be read: each with its contrast to the colour behind it. */
export function faintTextsIn(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(${findFaintTexts.toString()})(${CONTRAST_MIN})`);
}

interface Styled {
  readonly parentElement: Styled | null;
}
/** Runs in the page: it knows nothing of this file. */
function findFaintTexts(contrastMin: number): string[] {
  // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not known here.
  const { document, getComputedStyle, NodeFilter } = globalThis as any;
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const channelsOf = (color: string): number[] => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminanceOf = (color: string): number => {
    const [r = 0, g = 0, b = 0] = channelsOf(color)
      .map((channel) => channel / 255)
      .map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element: Styled | null): string => {
    if (!element) return 'white';
    const { backgroundColor } = getComputedStyle(element);
    return channelsOf(backgroundColor)[3] === 255 ? backgroundColor : groundOf(element.parentElement);
  };
  const faint: string[] = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: element, textContent: text } = texts.currentNode;
    if (text.trim() === '' || !element.checkVisibility()) continue;
    const [a, b] = [getComputedStyle(element).color, groundOf(element)].map(luminanceOf) as [number, number];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < contrastMin) faint.push(`${text.trim()}: ${contrast.toFixed(2)}`);
  }
  return faint;
}
