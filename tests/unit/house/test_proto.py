"""`make proto` makes stubs only when something changed; buf refuses bad names and changes that break a release."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import proto

CONTRACT = """// A contract of the test.
syntax = "proto3";
package throughline.probe.v1;
import "buf/validate/validate.proto";
message Probe {
  string name = 1 [(buf.validate.field).string.min_len = 1];
}
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with one contract."""
    folder = tmp_path / "throughline" / "probe" / "v1"
    folder.mkdir(parents=True)
    (folder / "probe.proto").write_text(CONTRACT)
    return tmp_path


def _write(sources: Path, text: str) -> None:
    (sources / "throughline" / "probe" / "v1" / "probe.proto").write_text(text)


def test_stubs_are_made_once_and_follow_the_contract(sources: Path) -> None:
    """The second call does nothing; a renamed contract takes its old stubs along."""
    made = [proto.generate(sources), proto.generate(sources)]
    stubs = sources / "gen" / "throughline" / "probe" / "v1"
    first = sorted(path.name for path in stubs.glob("*_pb2*"))
    (sources / "throughline/probe/v1/probe.proto").rename(sources / "throughline/probe/v1/sonde.proto")
    made.append(proto.generate(sources))

    assert made == [True, False, True]
    assert first == ["probe_pb2.py", "probe_pb2.pyi", "probe_pb2_grpc.py", "probe_pb2_grpc.pyi"]
    assert [path.name for path in stubs.glob("probe_pb2*")] == []
    assert (sources / "gen" / "buf" / "validate" / "validate_pb2.py").exists()


def test_a_contract_that_does_not_compile_leaves_no_seal(sources: Path) -> None:
    """After a failure the next call tries again."""
    _write(sources, CONTRACT.replace("string name", "strnig name"))
    with pytest.raises(SystemExit):
        proto.generate(sources)
    _write(sources, CONTRACT)

    assert proto.generate(sources) is True


def test_a_bad_name_is_refused_and_an_unreleased_change_is_not(
    sources: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The lint rules hold before the first release too, and the absence of a release is said."""
    good = proto.check(sources, sources / "released.binpb")
    _write(sources, CONTRACT.replace("string name", "string Name"))

    assert good == 0
    assert proto.check(sources, sources / "released.binpb") != 0
    assert "nothing is released yet" in capfd.readouterr().out


def test_a_change_that_breaks_the_release_is_refused(sources: Path) -> None:
    """A field may be added; a released one may not change its type."""
    released = sources / "released.binpb"
    proto.image(sources, released)
    _write(sources, CONTRACT.replace("  string name", "  string title = 2;\n  string name"))
    added = proto.check(sources, released)
    _write(sources, CONTRACT.replace("string name = 1 [(buf.validate.field).string.min_len = 1]", "int64 name = 1"))

    assert added == 0
    assert proto.check(sources, released) != 0
