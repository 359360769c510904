"""A mail server that wants STARTTLS and a password, or TLS from the first byte, and keeps what it gets.

    mail_server.py PORT FOLDER starttls|tls|plain CERTIFICATE KEY

What came is a line of JSON each in FOLDER/mail. The account is `plimsoll`, its password `canary-password`.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

PORT, FOLDER, MODE = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]


class Keep:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        entry = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "text": message.get_content(),
            "tls": session.ssl is not None or MODE == "tls",
            "account": session.auth_data.login.decode() if session.auth_data else None,
        }
        with (FOLDER / "mail").open("a") as kept:
            kept.write(json.dumps(entry) + "\n")
        return "250 kept"


def check(server, session, envelope, mechanism, data):
    good = data.login == b"plimsoll" and data.password == b"canary-password"
    return AuthResult(success=good, handled=False, auth_data=data if good else None)


def make():
    context = None
    if MODE == "starttls":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[4], sys.argv[5])
    wants = MODE != "plain"
    return SMTP(
        Keep(),
        hostname="mail.test",
        tls_context=context,
        require_starttls=MODE == "starttls",
        auth_required=wants,
        auth_require_tls=MODE == "starttls",
        authenticator=check,
    )


async def main():
    context = None
    if MODE == "tls":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[4], sys.argv[5])
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", PORT, ssl=context)
    await server.serve_forever()


asyncio.run(main())
