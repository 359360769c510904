"""Judges SBOMs by what others publish: CycloneDX by its official schemas, SPDX by the SPDX project's own tools.

In: pairs of a format's id and a file. Out: a line for everything that is wrong; nothing when all is right.
"""

import contextlib
import io
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def cyclonedx(kind, path):
    version = SchemaVersion.V1_7 if kind.endswith("-1.7") else SchemaVersion.V1_6
    validator = XmlValidator if "-xml" in kind else JsonStrictValidator
    with open(path, encoding="utf-8") as file:
        error = validator(version).validate_str(file.read())
    return [] if error is None else [str(error)]


def spdx(path):
    try:
        # The parser's own tables are announced on standard output.
        with contextlib.redirect_stdout(io.StringIO()):
            document = parse_file(path)
    except SPDXParsingError as error:
        return error.get_messages()
    return [message.validation_message for message in validate_full_spdx_document(document)]


def main():
    arguments = sys.argv[1:]
    for kind, path in zip(arguments[::2], arguments[1::2]):
        errors = spdx(path) if kind.startswith("spdx") else cyclonedx(kind, path)
        for error in errors:
            print(f"{kind}: {error[:2000]}")


main()
