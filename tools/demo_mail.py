"""demo_mail.py DIRECTORY: writes a Maildir with some mail to look at, always the same."""

import os
import sys
from email.message import EmailMessage
from email.utils import format_datetime
from datetime import datetime, timedelta, timezone

PEOPLE = ["Anna Berg <anna@example.org>", "Bert Ölund <bert@example.net>", "山田 花子 <hanako@example.jp>"]
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002"
                      "000001e221bc330000000049454e44ae426082")


def message(subject, text, number, reply_to=None, html=None, attachment=None):
    mail = EmailMessage()
    mail["From"] = PEOPLE[number % len(PEOPLE)]
    mail["To"] = "Demo <demo@example.org>"
    mail["Subject"] = subject
    mail["Date"] = format_datetime(when(number))
    mail["Message-ID"] = f"<demo-{number}@example.org>"
    if reply_to is not None:
        mail["In-Reply-To"] = mail["References"] = f"<demo-{reply_to}@example.org>"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    if attachment:
        mail.add_attachment(attachment, maintype="image", subtype="png", filename="pixel.png")
    return mail


def when(number):
    return datetime(2026, 11, 2, 9, 30, tzinfo=timezone.utc) + timedelta(hours=7 * number)


def main(root):
    count = 0

    def put(folder, flags, mail):
        nonlocal count
        base = os.path.join(root, folder)
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(base, part), exist_ok=True)
        time = int(when(count).timestamp())
        path = os.path.join(base, "cur", f"{time}.M{count}P1.demo:2,{flags}")
        with open(path, "wb") as file:
            file.write(bytes(mail))
        os.utime(path, (time, time))
        count += 1

    put("", "S", message("Welcome to Tidemark", "This mail came in through `tidemark import`.\n", 0))
    put("", "FS", message("Grüße aus Köln", "Schöne Grüße!\n\n– Bert\n", 1))
    put("", "", message("Re: Grüße aus Köln", "> Schöne Grüße!\n\nDanke, ebenso.\n", 2, reply_to=1))
    put("", "", message("A picture", "See the attachment.\n", 3, attachment=PIXEL))
    put("", "", message("こんにちは", "HTML も付いています。\n", 4, html="<p><b>HTML</b> も付いています。</p>\n"))
    for number in range(40):
        put(".Lists.tidemark", "S" if number % 3 else "", message(f"[tidemark] Topic {number // 4}", "Some words.\n" * 5,
                                                                   count, reply_to=count - 1 if number % 4 else None))
    put(".Sent", "S", message("Sent from here", "Hello Anna.\n", count))
    put(".Drafts", "D", message("Not finished", "Dear", count))


if __name__ == "__main__":
    main(sys.argv[1])
