#!/usr/bin/env bash
# The quick tests with the oldest Polars that pyproject.toml declares, and on the newest Python found here.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
export OMP_NUM_THREADS=1 POLARS_MAX_THREADS=2
quick() { "$@" -q -n 2 --dist loadfile -m "not browser and not real_data" tests/core tests/kit tests/panels tests/scoring; }

oldest=$(sed -n 's/^ *"polars>=\([0-9.]*\).*/\1/p' pyproject.toml)
rm -rf build/polars
$bin/python -m pip install --quiet --disable-pip-version-check --target build/polars "polars==$oldest.0" 2>/dev/null ||
  $bin/python -m pip install --quiet --disable-pip-version-check --target build/polars "polars==$oldest"
echo "polars $oldest"
PYTHONPATH=build/polars:. quick $bin/python -m pytest

newest=
for minor in 15 14 13 12; do
  for python in "python3.$minor" "${PYENV_ROOT:-/nowhere}"/versions/3.$minor.*/bin/python; do
    if "$python" -c "import sys; sys.exit(sys.version_info[1] != $minor)" 2>/dev/null; then newest=$python; break 2; fi
  done
done
if [ -z "$newest" ]; then
  echo "no Python newer than 3.11 here: only this one was tried"
  exit 0
fi
"$newest" --version
"$newest" -m venv build/newest
build/newest/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
PYTHONPATH=. quick build/newest/bin/python -m pytest
