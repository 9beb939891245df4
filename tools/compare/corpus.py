"""The mail that both servers are filled with: the same bytes, flags and dates, made from a seed."""

import base64
import hashlib
import random
import time

WORDS = ("tide harbour moon water ledger north signal anchor paper winter letter stone garden window market river "
         "copper engine answer morning silver candle bridge number forest travel minute season account message").split()
NAMES = ["Anna", "Bert", "Carla", "Dmitri", "Eun", "Farid", "Greta", "Hiro", "Ines", "Jonas"]
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
FIRST_DAY = 1_640_995_200  # 1 January 2022
NEEDLE = "zanzibar"  # in the text of one message in a hundred


def internal_date(seconds):
    day = time.gmtime(seconds)
    return f"{day.tm_mday:02}-{MONTHS[day.tm_mon - 1]}-{day.tm_year} {day.tm_hour:02}:{day.tm_min:02}:{day.tm_sec:02} +0000"


def header_date(seconds):
    day = time.gmtime(seconds)
    name = "Mon Tue Wed Thu Fri Sat Sun".split()[day.tm_wday]
    return f"{name}, {day.tm_mday:02} {MONTHS[day.tm_mon - 1]} {day.tm_year} {day.tm_hour:02}:{day.tm_min:02}:{day.tm_sec:02} +0000"


def prose(source, size):
    words = source.choices(WORDS, k=size // 5 + 16)
    text = " ".join(words)
    lines = [text[at:at + 72] for at in range(0, len(text), 72)]
    return "\r\n".join(lines)[:max(size - 2, 2)] + "\r\n"


def message(number, size, seed=1):
    """(flags, internal date, bytes) of message `number`: about `size` bytes, one in four multipart."""
    source = random.Random(seed * 1_000_003 + number)
    when = FIRST_DAY + number * 700
    who = source.choice(NAMES)
    subject = " ".join(source.choices(WORDS, k=5))
    head = (f"Return-Path: <{who.lower()}@example.org>\r\n"
            f"Received: from mx.example.org (mx.example.org [192.0.2.7])\r\n\tby mail.example.net with LMTP\r\n"
            f"\tid {number:08x}; {header_date(when)}\r\n"
            f"From: {who} Example <{who.lower()}@example.org>\r\nTo: Receiver <u@example.net>\r\n"
            f"Cc: Team <team@example.net>, {source.choice(NAMES)} <other@example.net>\r\n"
            f"Subject: {'Re: ' if number % 3 else ''}{subject} {number}\r\nDate: {header_date(when)}\r\n"
            f"Message-ID: <{number}.{seed}@example.org>\r\nIn-Reply-To: <{max(number - 1, 0)}.{seed}@example.org>\r\n"
            f"X-Mailer: compare {number % 17}\r\nMIME-Version: 1.0\r\n")
    needle = f"{NEEDLE} {number}\r\n" if number % 100 == 0 else ""
    if number % 4 == 0:
        mark = f"part{number}"
        frame = (f"Content-Type: multipart/alternative; boundary=\"{mark}\"\r\n\r\n--{mark}\r\n"
                 f"Content-Type: text/plain; charset=utf-8\r\n\r\n{{0}}\r\n--{mark}\r\n"
                 f"Content-Type: text/html; charset=utf-8\r\n\r\n<p>{{1}}</p>\r\n--{mark}--\r\n")
        room = max((size - len(head) - len(frame)) // 2, 40)
        text = head + frame.format(needle + prose(source, room - len(needle)), prose(source, room))
    else:
        frame = "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        text = head + frame + needle + prose(source, max(size - len(head) - len(frame) - len(needle), 40))
    flags = []
    if number % 5:
        flags.append("\\Seen")
    if number % 20 == 7:
        flags.append("\\Flagged")
    if number % 7 == 3:
        flags.append("\\Answered")
    if number % 50 == 11:
        flags.append("$Label1")
    return " ".join(flags), internal_date(when), text.encode("ascii")


def password_hash(name, password):
    """{SSHA512}: both know it, and it costs next to nothing."""
    salt = hashlib.sha256(name.encode()).digest()[:8]
    return "{SSHA512}" + base64.b64encode(hashlib.sha512(password.encode() + salt).digest() + salt).decode()
