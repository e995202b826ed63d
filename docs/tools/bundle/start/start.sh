#!/bin/sh
# 首次运行安装（不联网），然后打开应用。 First run installs without a network, then serves the app.
cd "$(dirname "$0")" || exit 2
for python in ${PYTHON:+"$PYTHON"} python@PYTHON@ python3; do
  if "$python" -c 'import sys, venv; sys.exit(sys.version_info[:2] != tuple(map(int, "@PYTHON@".split("."))))' 2>/dev/null; then
    exec "$python" -X utf8 start.py "$@"
  fi
done
cat >&2 <<'TEXT'
没有找到 Python @PYTHON@（含 venv）。请安装系统的软件包 python@PYTHON@ 和 python@PYTHON@-venv（Debian、统信），或 python@PYTHON@（openEuler、麒麟）；
装在别处时：PYTHON=/路径/python@PYTHON@ sh start.sh
There is no Python @PYTHON@ with venv. Install the system's packages python@PYTHON@ and python@PYTHON@-venv (Debian, UOS) or python@PYTHON@ (openEuler, Kylin);
where it lies elsewhere: PYTHON=/path/to/python@PYTHON@ sh start.sh
TEXT
exit 2
