"""Which vulnerabilities a Debian machine has, by dpkg's own order of versions.

In: a release (`12`) and OSV archives as arguments; the machine's packages from dpkg-query. Out: a line `CVE source` for each
vulnerability of an installed source package, sorted. Odd: it shares no code and no version order with the program.
"""

import functools
import json
import re
import subprocess
import sys
import zipfile


@functools.cache
def less(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False).returncode == 0


def installed():
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${source:Package} ${source:Version}\n"],
        check=True, capture_output=True, text=True).stdout
    versions = {}
    for line in listed.splitlines():
        status, source, version = line.split(" ")
        if status == "installed":
            versions.setdefault(source, set()).add(version)
    return versions


def is_affected(affected, version):
    if version in affected.get("versions", ()):
        return True
    for span in affected.get("ranges", ()):
        if span["type"] not in ("ECOSYSTEM", "SEMVER"):
            continue
        inside = False
        for event in span["events"]:
            if "introduced" in event:
                start = event["introduced"]
                inside = inside or start == "0" or not less(version, start)
            elif "fixed" in event:
                inside = inside and less(version, event["fixed"])
            elif "last_affected" in event:
                inside = inside and not less(event["last_affected"], version)
        if inside:
            return True
    return False


def main():
    ecosystem = f"Debian:{sys.argv[1]}"
    sources = installed()
    found = set()
    for path in sys.argv[2:]:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                record = json.loads(archive.read(name))
                if record.get("withdrawn"):
                    continue
                ids = [record["id"], *record.get("aliases", ()), *record.get("upstream", ())]
                cves = {i for text in ids for i in re.findall(r"^(?:DEBIAN-)?(CVE-\d{4}-\d{4,})$", text)} or {record["id"]}
                for affected in record.get("affected", ()):
                    package = affected["package"]
                    if package["ecosystem"] != ecosystem:
                        continue
                    for version in sources.get(package["name"], ()):
                        if is_affected(affected, version):
                            found.update((cve, package["name"]) for cve in cves)
    for cve, source in sorted(found):
        print(cve, source)


main()
