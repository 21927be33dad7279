// Discord's markdown by lines: code blocks, headers, quotes, lists; the rest is paragraphs.

import { inline } from "./inline.js";

const FENCE = /```(?:([\w+.#-]+)\n)?([\s\S]+?)```/;
const HEADER = /^(#{1,3}) +(\S.*)$/;
const SMALL = /^-# +(\S.*)$/;
const ITEM = /^( *)([-*]|\d{1,9}\.) +(\S.*)$/;

/** The tree of a text: a list of blocks, each {type, children | text | …}. */
export function parse(text, depth = 0) {
  const blocks = [];
  let rest = text;
  while (rest !== "") {
    const fence = FENCE.exec(rest);
    const before = fence === null ? rest : rest.slice(0, fence.index);
    // A quote swallows the fences after it only with >>>, which takes everything to the end.
    const swallow = /(^|\n)>>> /.exec(before);
    if (swallow !== null && depth < 3) {
      const at = swallow.index + swallow[1].length;
      blocks.push(...lines(rest.slice(0, at), depth), { type: "quote", children: parse(rest.slice(at + 4), depth + 1) });
      return blocks;
    }
    blocks.push(...lines(before, depth));
    if (fence === null) break;
    blocks.push({ type: "codeblock", language: fence[1] ?? null, text: fence[2].replace(/^\n|\n$/g, "") });
    rest = rest.slice(fence.index + fence[0].length).replace(/^\n/, "");
  }
  return blocks;
}

function lines(text, depth) {
  const blocks = [];
  const all = text.replace(/\n$/, "").split("\n");
  if (text === "") return blocks;
  let paragraph = [];
  const close = () => {
    if (paragraph.length > 0) blocks.push({ type: "paragraph", children: inline(paragraph.join("\n")) });
    paragraph = [];
  };
  for (let at = 0; at < all.length; ) {
    const [block, taken] = special(all, at, depth);
    if (block === null) {
      paragraph.push(all[at]);
      at += 1;
    } else {
      close();
      blocks.push(block);
      at += taken;
    }
  }
  close();
  return blocks;
}

function special(all, at, depth) {
  const header = HEADER.exec(all[at]);
  if (header) return [{ type: "header", level: header[1].length, children: inline(header[2]) }, 1];
  const small = SMALL.exec(all[at]);
  if (small) return [{ type: "small", children: inline(small[1]) }, 1];
  if (/^> /.test(all[at]) && depth < 3) {
    const taken = run(all, at, (line) => /^> /.test(line) || line === ">");
    const inner = all.slice(at, at + taken).map((line) => line.slice(2));
    return [{ type: "quote", children: lines(inner.join("\n"), depth + 1) }, taken];
  }
  if (ITEM.test(all[at])) {
    const taken = run(all, at, (line) => ITEM.test(line));
    return [list(all.slice(at, at + taken)), taken];
  }
  return [null, 0];
}

function run(all, at, fits) {
  let taken = 1;
  while (at + taken < all.length && fits(all[at + taken])) taken += 1;
  return taken;
}

function list(rows) {
  const items = rows.map((row) => {
    const [, indent, mark, text] = ITEM.exec(row);
    return { indent: indent.length, ordered: /\d/.test(mark), start: Number.parseInt(mark, 10), text };
  });
  return nest(items);
}

function nest(items) {
  const [first] = items;
  const made = { type: "list", ordered: first.ordered, start: first.start, items: [] };
  for (let at = 0; at < items.length; ) {
    let end = at + 1;
    while (end < items.length && items[end].indent > first.indent) end += 1;
    const inner = items.slice(at + 1, end);
    made.items.push({ children: inline(items[at].text), list: inner.length > 0 ? nest(inner) : null });
    at = end;
  }
  return made;
}
