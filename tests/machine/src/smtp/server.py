"""An SMTP server for tests: aiosmtpd with STARTTLS, TLS or neither, a log-in, and a file for each message."""

import email
import email.policy
import json
import os
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

options = json.loads(sys.argv[1])
count = 0


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (
        options["username"],
        options["password"],
    )
    if good:
        session.who = data.login.decode()
    return AuthResult(success=good, handled=False)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.endswith("@refused.test"):
            return f"550 5.1.1 <{address.upper()}>: nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text, html = message.get_body(("plain",)), message.get_body(("html",))
        seen = {
            "envelope": [envelope.mail_from, envelope.rcpt_tos],
            "from": message["From"],
            "to": message["To"],
            "subject": message["Subject"],
            "text": text and text.get_content(),
            "html": html and html.get_content(),
            "encrypted": session.ssl is not None or options["kind"] == "tls",
            "who": getattr(session, "who", None),
        }
        name = os.path.join(options["directory"], f"{count}.json")
        count += 1
        with open(name + ".new", "w", encoding="utf-8") as file:
            json.dump(seen, file)
        os.rename(name + ".new", name)
        return "250 OK"


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(options["certificate"], options["key"])
    if options["old"]:
        made.maximum_version = ssl.TLSVersion.TLSv1_2
    return made


kind = options["kind"]
with_login = kind != "plain"
arguments = {"authenticator": authenticate, "auth_required": with_login, "auth_require_tls": kind == "starttls"}
if kind == "starttls":
    arguments |= {"tls_context": context(), "require_starttls": True}
if kind == "tls":
    arguments |= {"ssl_context": context()}
controller = Controller(Handler(), hostname=options["host"], port=options["port"], **arguments)
controller.start()
print("ready", flush=True)
threading.Event().wait()
