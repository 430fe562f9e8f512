"""The pins: each package at one version, with the hashes of its files, and from no registry in particular."""

import re

import pytest

from tests.repository.architecture import ROOT

FILES = ["requirements.txt", "requirements-dev.txt"]
PIN = re.compile(r"[a-z0-9.-]+(\[[a-z]+\])?==[^\s;]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+")


def pins(file):
    """The requirements of a file, each on one line."""
    return re.sub(r" \\\n\s+", " ", (ROOT / file).read_text()).splitlines()


def package(pin):
    return re.split(r"==|\[", pin)[0]


@pytest.mark.parametrize("file", FILES)
def test_each_requirement_is_one_version_with_the_hashes_of_its_files(file):
    assert pins(file)
    assert [pin for pin in pins(file) if not PIN.fullmatch(pin)] == []


def test_both_files_pin_a_package_alike():
    ours, tests = ({package(pin): pin.split("==")[1] for pin in pins(file)} for file in FILES)

    assert {name for name in ours.keys() & tests.keys() if ours[name] != tests[name]} == set()


def test_every_package_that_is_asked_for_is_pinned():
    for file in FILES:
        asked = (ROOT / file.replace(".txt", ".in")).read_text()
        names = {name.lower() for name in re.findall(r"^([A-Za-z][\w.-]*)", asked, re.MULTILINE)}

        assert names - {package(pin) for pin in pins(file)} == set()


def test_set_up_refuses_files_without_a_known_hash():
    assert "--require-hashes" in (ROOT / "script/setup").read_text()
