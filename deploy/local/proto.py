"""Python stubs from proto/throughline into proto/gen, and the checks of the contracts by buf.

`make proto` costs nothing when no contract and no compiler changed; `--check` lints and compares with the last release.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc_tools
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor import FileDescriptor
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "proto"
RELEASED = SOURCES / "released.binpb"
COMPILERS = ("grpcio-tools", "mypy-protobuf", "protovalidate", "googleapis-common-protos")
VALIDATE = "buf/validate/validate.proto"


def contracts(sources: Path = SOURCES) -> list[str]:
    """Every contract, as protoc names it, in a fixed order."""
    return sorted(str(path.relative_to(sources)) for path in (sources / "throughline").rglob("*.proto"))


def validate_descriptors() -> bytes:
    """The descriptor set of buf/validate/validate.proto with its imports.

    The wheel of protovalidate brings the rules only as a Python module, so the contract is rebuilt from that module.
    """
    from protovalidate._gen.buf.validate import validate_pb  # noqa: PLC0415 - private, and only needed here

    known: list[FileDescriptor] = [
        module.DESCRIPTOR for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2)
    ]
    files = descriptor_pb2.FileDescriptorSet()
    for descriptor in known:
        descriptor.CopyToProto(files.file.add())
    files.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    return files.SerializeToString()


def generate(sources: Path = SOURCES, target: Path | None = None) -> bool:
    """Writes the stubs to `target` (proto/gen); False when they were already those of the present contracts.

    A file whose content stays is not touched, so that caches built over it keep holding.

    Raises:
        SystemExit: protoc refused a contract; it has printed which line.
    """
    target = target or sources / "gen"
    target.mkdir(parents=True, exist_ok=True)
    with _alone(target / ".lock"):
        digest = _digest(sources)
        seal = target / ".digest"
        if seal.exists() and seal.read_text() == digest:
            return False
        seal.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix="stubs-") as name:
            fresh = Path(name)
            _compile(sources, fresh)
            _mark_packages(fresh)
            _replace(fresh, target)
        seal.write_text(digest)
        return True


def image(sources: Path, to: Path) -> None:
    """Writes the contracts with all imports and comments as one descriptor set, as buf reads it."""
    _protoc(sources, "--include_imports", "--include_source_info", f"--descriptor_set_out={to}", *contracts(sources))


def check(sources: Path = SOURCES, released: Path = RELEASED) -> int:
    """Lints the contracts and refuses a change that breaks the last release; returns buf's exit status."""
    if not contracts(sources):
        print("buf: there is no contract in proto/throughline yet.")
        return 0
    with tempfile.TemporaryDirectory(prefix="contracts-") as name:
        built = Path(name) / "image.binpb"
        image(sources, built)
        config = ["--config", str(ROOT / "buf.yaml"), "--path", "throughline"]
        status = subprocess.run([_tool("buf"), "lint", str(built), *config], check=False).returncode
        if not released.exists():
            print("buf: nothing is released yet (proto/released.binpb), so no change can break it.")
            return status
        against = ["breaking", str(built), "--against", str(released)]
        return subprocess.run([_tool("buf"), *against, *config], check=False).returncode or status


def _compile(sources: Path, out: Path) -> None:
    flags = [f"--python_out={out}", f"--mypy_out=quiet:{out}"]
    _protoc(sources, *flags, VALIDATE)
    if contracts(sources):
        _protoc(sources, *flags, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *contracts(sources))


def _protoc(sources: Path, *arguments: str) -> None:
    """Runs protoc with everything that a contract may import."""
    includes = (sources, Path(grpc_tools.__file__).parent / "_proto", Path(sysconfig.get_paths()["purelib"]))
    # protoc starts its plug-ins by name: those of this environment must come first.
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    with tempfile.NamedTemporaryFile(suffix=".binpb") as validate:
        validate.write(validate_descriptors())
        validate.flush()
        paths = [f"--proto_path={path}" for path in includes]
        status = protoc.main(["protoc", f"--descriptor_set_in={validate.name}", *paths, *arguments])
    if status:
        raise SystemExit(status)


def _digest(sources: Path) -> str:
    state = hashlib.sha256(Path(__file__).read_bytes())
    for name in COMPILERS:
        state.update(f"{name}=={importlib.metadata.version(name)}\n".encode())
    for contract in contracts(sources):
        state.update(contract.encode() + b"\0" + (sources / contract).read_bytes() + b"\0")
    return state.hexdigest()


def _mark_packages(out: Path) -> None:
    """Makes every folder a typed package."""
    for folder in {path.parent for path in out.rglob("*.py")}:
        for package in (folder, *folder.parents):
            if package == out:
                break
            (package / "__init__.py").touch()
    for top in out.iterdir():
        (top / "py.typed").touch()


def _replace(fresh: Path, target: Path) -> None:
    wanted = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
    for relative in wanted:
        new, old = fresh / relative, target / relative
        if old.exists() and old.read_bytes() == new.read_bytes():
            continue
        old.parent.mkdir(parents=True, exist_ok=True)
        partial = old.with_name(f".{old.name}.new")
        shutil.copyfile(new, partial)
        partial.replace(old)
    for old in [path for path in target.rglob("*_pb2*.py*") if path.suffix in {".py", ".pyi"}]:
        if old.relative_to(target) not in wanted:
            old.unlink()


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Generates, or with --check asks buf."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="lint the contracts and compare them with the last release"
    )
    if parser.parse_args().check:
        raise SystemExit(check())
    if generate():
        print(f"proto/gen holds the stubs of {len(contracts())} contracts.")


if __name__ == "__main__":
    main()
