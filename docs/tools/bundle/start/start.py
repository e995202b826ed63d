"""Install riskmap from this folder, without a network, and run it. Needs Python alone.

start.py                  install what is new here, then serve the workspace and open the browser
start.py demo             the same with a made-up district, in a folder of its own
start.py --port 8600      options of `riskmap serve`
start.py COMMAND ...      any command of riskmap: start.py backup FILE
start.py --check          compare every file of the bundle with SHA256SUMS.txt
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUMS = HERE / "SHA256SUMS.txt"
PROGRAM = HERE / "program"
BEFORE = HERE / "program.before"  # what an upgrade replaces, until the new one stands
STAMP = PROGRAM / "installed.txt"
LONGEST = 140 + len(
    "/__pycache__/.cpython-311.opt-1.pyc"
)  # of a path below PROGRAM: what the builder lets in, compiled
WINDOWS_LIMIT = 259
SERVE = ("--port", "--open", "--no-open")  # a start that begins with an option of `serve` serves


class RefusedError(Exception):
    """What stops the start, in Chinese and English: place, find, remedy."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh}\n{en}")


def main(words: list[str]) -> int:
    """Do what the words say; returns the exit status."""
    if words[:1] == ["--check"]:
        say(f"{check()} 个文件全部与 SHA256SUMS.txt 一致", "all files are as SHA256SUMS.txt says")
        return 0
    install()
    if words[:1] == ["demo"]:
        return serve(HERE / "demo", words[1:], made_up=True)
    if words and words[0] not in SERVE:
        os.environ["RISKMAP_WORKSPACE"] = str(workspace())
        return become(*words)
    return serve(workspace(), words)


def check() -> int:
    """Compare every file of the bundle with its digest; returns how many there are."""
    listed = [line.split("  ", 1) for line in SUMS.read_text(encoding="utf-8").splitlines()]
    for digest, name in listed:
        path = HERE / name
        if not path.is_file():
            raise RefusedError(
                f"{name}：没有这个文件；请把压缩包重新全部解压",
                f"{name}: is not there; unpack the whole archive again",
            )
        if sha256(path) != digest:
            raise RefusedError(
                f"{name}：内容与 SHA256SUMS.txt 不符，文件损坏或被改过；请重新拷贝、解压压缩包",
                f"{name}: is not what SHA256SUMS.txt says, it is damaged or was changed; copy and unpack the archive again",
            )
    return len(listed)


def sha256(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def install() -> None:
    """Install the wheels of this bundle, unless they are installed already.

    A newer bundle over an older one has other sums: its wheels take the place of the older ones. The program that
    was there stays until the new one stands.
    """
    meant = f"{sha256(SUMS)} {sys.version} {HERE}"
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == meant:
        return
    refuse_long_folder()
    say("正在核对文件……", "checking files ...")
    check()
    say("正在安装（不联网，约一两分钟）……", "installing (no network, a minute or two) ...")
    put_aside()
    try:
        install_wheels()
        STAMP.write_text(meant, encoding="utf-8")
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(PROGRAM, ignore_errors=True)
        if BEFORE.exists():
            BEFORE.rename(PROGRAM)
        raise RefusedError(
            f"{PROGRAM}：没有安装成（{error}），原有程序不变；请看上面的原因，腾出磁盘空间后重试",
            f"{PROGRAM}: could not be installed ({error}), what was there is as before; see above, free some space, "
            "try again",
        ) from error
    for old in (BEFORE, HERE / "venv"):  # venv: where the first bundles installed
        shutil.rmtree(old, ignore_errors=True)
    for stale in set((HERE / "wheels").glob("*.whl")) - set(wheels()):
        stale.unlink()


def refuse_long_folder() -> None:
    """Refuse a folder whose files would have longer paths than Windows opens."""
    if os.name == "nt" and len(str(PROGRAM)) + 1 + LONGEST > WINDOWS_LIMIT:
        raise RefusedError(
            f"{HERE}：文件夹路径太长，Windows 打不开其中的文件；请移到较短的路径，如 D:\\riskmap",
            f"{HERE}: this path is too long for Windows to open the files below it; move the folder to a shorter one, "
            "e.g. D:\\riskmap",
        )


def put_aside() -> None:
    """Move the program that an older bundle installed out of the way; half a program of a broken start goes."""
    try:
        if STAMP.is_file():
            shutil.rmtree(BEFORE, ignore_errors=True)
            PROGRAM.rename(BEFORE)
        elif PROGRAM.exists():
            shutil.rmtree(PROGRAM)
    except OSError as error:
        raise RefusedError(
            f"{PROGRAM}：正在使用，不能升级；请先关闭 riskmap 的窗口，再运行一次",
            f"{PROGRAM}: in use, so it cannot be upgraded; close riskmap's window and start again",
        ) from error


def wheels() -> list[Path]:
    """Return the wheels that belong to this bundle; an older one may have left others."""
    names = (line.split("  ", 1)[1] for line in SUMS.read_text(encoding="utf-8").splitlines())
    return [HERE / name for name in names if name.endswith(".whl")]


def install_wheels() -> None:
    """Let the bundle's own pip install them: into a folder beside Python on Windows, into an environment elsewhere."""
    if os.name == "nt":
        python, packages, where = sys.executable, PROGRAM, ["--target", PROGRAM]
    else:
        import venv  # noqa: PLC0415 - not part of the Python that comes along on Windows

        venv.create(PROGRAM)
        python, where = str(PROGRAM / "bin" / "python"), []
        packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(PROGRAM)}))
    (pip,) = (wheel for wheel in wheels() if wheel.name.startswith("pip-"))
    with zipfile.ZipFile(pip) as packed:
        packed.extractall(packages)
    quiet = ["--quiet", "--isolated", "--no-index", "--no-cache-dir", "--disable-pip-version-check"]
    others = [wheel for wheel in wheels() if wheel != pip]
    line = [
        python,
        "-X",
        "utf8",
        "-P",
        "-m",
        "pip",
        "install",
        *where,
        *quiet,
        "--no-warn-script-location",
        *others,
    ]
    here = {
        "TMP": str(HERE),
        "TEMP": str(HERE),
        "TMPDIR": str(HERE),
    }  # pip moves what it unpacked: within one disk
    subprocess.run(list(map(str, line)), check=True, env=environment() | here)


def environment() -> dict[str, str]:
    """Return the environment without what would lead Python to another one's packages."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("PYTHON")}


def command(*words: object) -> list[str]:
    """Return the line that runs a command of the riskmap that is installed here."""
    python = sys.executable if os.name == "nt" else PROGRAM / "bin" / "python"
    return [str(python), "-X", "utf8", "-P", "-m", "riskmap", *map(str, words)]


def riskmap(*words: object) -> int:
    """Run a command of riskmap; returns its exit status."""
    return subprocess.run(command(*words), check=False, env=environment()).returncode


def become(*words: object) -> int:
    """Run the last command of this start, in the place of this process where the system can do that."""
    if os.name == "posix":
        line = command(*words)
        os.execve(line[0], line, environment())
    try:
        return riskmap(*words)
    except KeyboardInterrupt:  # it stops at Ctrl-C by itself
        return 0


def workspace() -> Path:
    """Return the workspace to open: the one of this bundle, or that of an older one unpacked beside it."""
    named = os.environ.get("RISKMAP_WORKSPACE")
    here = HERE / "workspace"
    if named or (here / "workspace.toml").exists():
        return Path(named or here)
    beside = sorted(path.parent for path in HERE.parent.glob("*/workspace/workspace.toml") if is_bundle(path))
    if len(beside) > 1:
        raise RefusedError(
            "旁边有几个旧版的工作区，不知道用哪一个："
            + "；".join(map(str, beside))
            + "。请把要用的移到 "
            + str(here),
            "several older workspaces lie beside, which one is meant? Move it to " + str(here),
        )
    if beside:
        say(f"使用旧版文件夹里的工作区：{beside[0]}", f"using the workspace of the older folder: {beside[0]}")
        return beside[0]
    return here


def is_bundle(settings: Path) -> bool:
    """Whether a workspace's settings lie in the folder of a bundle."""
    return (settings.parent.parent / SUMS.name).is_file()


def serve(folder: Path, words: list[str], *, made_up: bool = False) -> int:
    """Make the workspace where there is none, and serve it."""
    if not (folder / "workspace.toml").exists():
        status = riskmap("init", folder, *(["--demo"] if made_up else []))
        if made_up and not status:
            status = riskmap("assess", "--workspace", folder)
        if status:
            return status
    return become("serve", "--workspace", folder, *([] if "--no-open" in words else ["--open"]), *words)


def say(zh: str, en: str) -> None:
    """Print a line in both languages."""
    print(f"{zh}  {en}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RefusedError as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)
