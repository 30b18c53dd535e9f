/**
 * A saved page loads nothing: an image that a text names by an address could only leave a complaint in the console. In its
 * place stands a link to it, for the reader to follow or not. Images that travel in the text stay.
 */

import type { RenderMimeRegistry } from "@jupyterlab/rendermime";

type Sanitizer = RenderMimeRegistry["sanitizer"];

/** A sanitizer that does this, too. */
export function withoutAddresses(sanitizer: Sanitizer): Sanitizer {
  const mine = Object.create(sanitizer) as { sanitize: Sanitizer["sanitize"] };
  mine.sanitize = (dirty, options) => linked(sanitizer.sanitize(dirty, options));
  return mine as Sanitizer;
}

/** @param html as a sanitizer writes it: attributes in double quotes, no sign that begins a tag in them */
export function linked(html: string): string {
  return html.replace(/<img\b[^>]*>/gi, (image) => {
    const address = /\ssrc="([^"]*)"/i.exec(image)?.[1];
    if (address === undefined || /^(data|blob):/i.test(address)) return image;
    const words = /\salt="([^"]+)"/i.exec(image)?.[1] ?? address;
    return `<a href="${address}" rel="noreferrer" target="_blank">${words}</a>`;
  });
}
