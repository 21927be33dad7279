// Links to Discord's channels and messages, which lead inside the page.

const PLACE = /^https:\/\/(?:(?:ptb|canary|www)\.)?discord(?:app)?\.com\/channels\/(?:@me|\d{1,20})\/(\d{1,20})(?:\/(\d{1,20}))?\/?(?:[?#].*)?$/;

/** {channelId, messageId or null} of a link to a channel or message, null for any other address. */
export function placeOf(url) {
  const match = PLACE.exec(url);
  return match && { channelId: match[1], messageId: match[2] ?? null };
}
