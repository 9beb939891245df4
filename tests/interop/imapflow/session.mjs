// One session of imapflow against the server that the environment names. Exits with 0 if everything was as it should be.
import assert from "node:assert/strict";
import net from "node:net";
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

// Hands one message in by LMTP, or by another session where the server has no LMTP.
const deliver = (subject) => (process.env.LMTP_PORT ? deliverByLmtp(subject) : deliverByAppend(subject));

const deliverByAppend = async (subject) => {
  const other = client();
  await other.connect();
  await other.append("INBOX", Buffer.from(`Subject: ${subject}\r\n\r\nx\r\n`));
  await other.logout();
};

const deliverByLmtp = (subject) =>
  new Promise((resolve, reject) => {
    const socket = net.connect(Number(process.env.LMTP_PORT), "127.0.0.1");
    const lines = [
      "LHLO test",
      "MAIL FROM:<b@example.org>",
      `RCPT TO:<${process.env.IMAP_USER}>`,
      "DATA",
      `Subject: ${subject}\r\n\r\nx\r\n.`,
      "QUIT",
    ];
    let text = "";
    socket.on("data", (data) => {
      text += data;
      while (/^\d{3} .*\r\n/m.test(text)) {
        const end = text.search(/^\d{3} .*\r\n/m);
        const answer = text.slice(end, text.indexOf("\r\n", end));
        text = text.slice(text.indexOf("\r\n", end) + 2);
        if (!/^[23]/.test(answer)) reject(new Error(answer));
        if (lines.length) socket.write(lines.shift() + "\r\n");
        else socket.end();
      }
    });
    socket.on("close", resolve);
    socket.on("error", reject);
  });

const within = (promise, what) =>
  Promise.race([
    promise,
    new Promise((_, reject) => setTimeout(() => reject(new Error(`waited too long for ${what}`)), 30000).unref()),
  ]);

const one = client();
await within(one.connect(), "the greeting");
const created = await one.mailboxCreate(["Flow", "Inner"]);
assert.equal(created.created, true);
assert.ok((await one.list()).some((box) => box.path === created.path));
const status = await one.status("INBOX", { messages: true, uidNext: true, highestModseq: true });
assert.equal(status.messages, 3);

let lock = await one.getMailboxLock("INBOX");
assert.equal(one.mailbox.exists, 3);
assert.ok(one.mailbox.highestModseq >= 1n);
const subjects = [];
for await (const message of one.fetch("1:*", { uid: true, envelope: true, flags: true, bodyStructure: true, source: true })) {
  subjects.push(message.envelope.subject);
  assert.ok(message.source.toString().includes(`Subject: ${message.envelope.subject}`));
  assert.equal(message.bodyStructure.type, "text/plain");
}
assert.deepEqual(subjects, ["one", "two", "three"]);
assert.deepEqual(await one.search({ subject: "two" }), [2]);
assert.equal(await one.messageFlagsAdd("1", ["\\Flagged", "$Label1"]), true);
const flags = (await one.fetchOne("1", { flags: true })).flags;
assert.ok(flags.has("\\Flagged") && flags.has("$Label1"));

// A push while the client idles.
const pushed = within(new Promise((resolve) => one.once("exists", resolve)), "a push of new mail");
const idling = one.idle();
await deliver("four");
const push = await pushed;
assert.equal(push.count, 4);
await one.noop();
await idling;

// What another session changed arrives here.
const two = client();
await within(two.connect(), "the second greeting");
const other = await two.getMailboxLock("INBOX");
const gone = within(new Promise((resolve) => one.once("expunge", resolve)), "an expunge");
assert.equal(await two.messageDelete("4"), true);
await one.noop();
const expunged = await gone;
assert.ok(expunged.vanished ? expunged.uid > 0 : expunged.seq === 4);
const since = one.mailbox.highestModseq;
assert.equal(await two.messageFlagsAdd("2", ["\\Seen"]), true);
// A set: the change may also come by itself, before the answer.
const changed = new Set();
for await (const message of one.fetch("1:*", { uid: true, flags: true }, { changedSince: since })) changed.add(message.seq);
assert.deepEqual([...changed], [2]);
other.release();

const moved = await one.messageMove("3", created.path);
assert.equal(moved.uidMap.size, 1);
lock.release();
lock = await one.getMailboxLock(created.path);
assert.equal(one.mailbox.exists, 1);
const appended = await one.append(created.path, Buffer.from("Subject: five\r\n\r\nx\r\n"), ["\\Draft"], new Date(0));
assert.ok(appended.uid > 0);
lock.release();
await one.mailboxDelete(created.path);
await two.logout();
await one.logout();
process.exit(0);
