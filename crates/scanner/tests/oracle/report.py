"""Judges reports by what others publish: SARIF and GitLab's by their JSON schemas, JUnit by Jenkins' XML schema.

In: pairs of a format's id and a file. Out: a line for everything that is wrong; nothing when all is right.
"""

import json
import pathlib
import sys

import jsonschema
from lxml import etree

SCHEMAS = pathlib.Path(__file__).parent.parent / "schemas"


def by_json_schema(schema, path):
    schema = json.loads((SCHEMAS / schema).read_text(encoding="utf-8"))
    document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    # Formats (uri, date-time) are judged, too.
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    checker = validator.FORMAT_CHECKER
    for error in validator(schema, format_checker=checker).iter_errors(document):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
    if "runs" in document:
        yield from sarif_beyond_its_schema(document)
        yield from as_github_reads_it(document)


def sarif_beyond_its_schema(document):
    """What the standard asks for and its schema cannot say."""
    for run in document["runs"]:
        rules = run["tool"]["driver"]["rules"]
        ids = [rule["id"] for rule in rules]
        if len(ids) != len(set(ids)):
            yield "rules: an id stands twice"
        seen = set()
        for at, result in enumerate(run["results"]):
            if rules[result["ruleIndex"]]["id"] != result["ruleId"]:
                yield f"results/{at}: ruleIndex is of another rule"
            prints = tuple(sorted(result["partialFingerprints"].items()))
            if prints in seen:
                yield f"results/{at}: its fingerprint stands twice"
            seen.add(prints)
            for location in result["locations"]:
                base = location["physicalLocation"]["artifactLocation"]["uriBaseId"]
                if base not in run["originalUriBaseIds"]:
                    yield f"results/{at}: {base} is not defined"


def as_github_reads_it(document):
    """What code scanning refuses or passes over (its pages on SARIF support and on limits)."""
    for run in document["runs"]:
        if len(run["results"]) > 25_000:
            yield f"results: {len(run['results'])}"
        for rule in run["tool"]["driver"]["rules"]:
            severity = rule["properties"]["security-severity"]
            if not 0.0 <= float(severity) <= 10.0:
                yield f"{rule['id']}: security-severity {severity}"
            if len(rule["properties"]["tags"]) > 10 or "security" not in rule["properties"]["tags"]:
                yield f"{rule['id']}: tags {rule['properties']['tags']}"
            if not rule["shortDescription"]["text"] or len(rule["shortDescription"]["text"]) > 1024 or not rule["help"]["text"]:
                yield f"{rule['id']}: texts"
        for at, result in enumerate(run["results"]):
            if result["level"] not in ("error", "warning", "note") or not result["message"]["text"]:
                yield f"results/{at}: level or message"
            if not 1 <= len(result["locations"]) <= 100:
                yield f"results/{at}: {len(result['locations'])} locations"
            for location in result["locations"]:
                place = location["physicalLocation"]
                if place["artifactLocation"]["uri"].startswith(("/", "file:")) or place["region"]["startLine"] < 1:
                    yield f"results/{at}: {place}"


def by_xml_schema(schema, path):
    schema = etree.XMLSchema(etree.parse(str(SCHEMAS / schema)))
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        document = etree.parse(path, parser)
    except etree.XMLSyntaxError as error:
        yield str(error)
        return
    if not schema.validate(document):
        yield from map(str, schema.error_log)
    for suite in document.getroot().iter("testsuite"):
        for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            if suite.get(attribute) is not None and int(suite.get(attribute)) != len(suite.findall(f"testcase/{element}")):
                yield f"{suite.get('name')}: {attribute} is not the number of {element}"


JUDGES = {
    "sarif": lambda path: by_json_schema("sarif-2.1.0.json", path),
    "gitlab": lambda path: by_json_schema("gitlab-container-scanning-15.2.1.json", path),
    "junit": lambda path: by_xml_schema("junit-10.xsd", path),
}


def main():
    arguments = sys.argv[1:]
    for kind, path in zip(arguments[::2], arguments[1::2]):
        for error in JUDGES[kind](path):
            print(f"{kind}: {error[:2000]}")


main()
