"""mbsync's configuration for the checks that use it: every mailbox of the server, and a Maildir `mail` beside it."""


def write_config(server, mail, sides):
    """`sides` ("Both", "Near") is where mailboxes and messages are made and removed. The file's path."""
    config = server.path("mbsyncrc")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""
IMAPAccount server
Host localhost
Port {server.port("imaps")}
User {server.user}
Pass "{server.password}"
SSLType IMAPS
CertificateFile {server.certificate}
AuthMechs LOGIN

IMAPStore far
Account server

MaildirStore near
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create {sides}
Remove {sides}
Expunge {sides}
CopyArrivalDate yes
SyncState {server.path("state")}/
""")
    return config
