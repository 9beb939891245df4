// imapflow leaves with what it knows of INBOX, another session changes it, and it returns with SELECT (QRESYNC). Between
// the two it says "away" and waits for a line. At the end it prints its cache as JSON: uid to flags.
import assert from "node:assert/strict";
import { once } from "node:events";
import { ImapFlow } from "imapflow";

const client = () =>
  new ImapFlow({
    host: "localhost",
    port: Number(process.env.IMAPS_PORT),
    secure: true,
    auth: { user: process.env.IMAP_USER, pass: process.env.IMAP_PASSWORD },
    logger: false,
    qresync: true,
    tls: { servername: "localhost", rejectUnauthorized: true, checkServerIdentity: () => undefined },
  });

const cache = {};
const learn = (message) => (cache[message.uid] = [...message.flags].filter((flag) => flag !== "\\Recent").sort());

let one = client();
await one.connect();
let box = await one.mailboxOpen("INBOX");
for await (const message of one.fetch("1:*", { uid: true, flags: true })) learn(message);
const known = { changedSince: box.highestModseq, uidValidity: box.uidValidity };
const from = box.uidNext;
await one.logout();

console.log("away");
process.stdin.resume();
await once(process.stdin, "data");

one = client();
const vanished = [];
one.on("expunge", (event) => {
  assert.ok(event.vanished && event.earlier);
  vanished.push(event.uid);
  delete cache[event.uid];
});
one.on("flags", (event) => learn(event));
await one.connect();
box = await one.mailboxOpen("INBOX", known);
assert.ok(one.enabled.has("QRESYNC"));
assert.ok(box.qresync !== false && box.highestModseq > known.changedSince);
for await (const message of one.fetch(`${from}:*`, { uid: true, flags: true }, { uid: true })) learn(message);
assert.ok(vanished.length > 0);
await one.logout();
console.log(JSON.stringify(cache));
process.exit(0);
