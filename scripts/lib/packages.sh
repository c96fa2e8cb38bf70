# shellcheck shell=bash
# Debian packages for the scripts of nash: source this file, then call nash_require_packages.

# What it takes to build nash with everything but the tests, and what the tests need besides.
# shellcheck disable=SC2034  # for those who source this file
NASH_BUILD_PACKAGES=(g++ cmake ninja-build libcli11-dev zlib1g-dev libpng-dev libgif-dev)
# shellcheck disable=SC2034
NASH_TEST_PACKAGES=(libeigen3-dev doctest-dev gnuplot-nox catch2 valgrind)
# shellcheck disable=SC2034
NASH_BENCHMARK_PACKAGES=(libdnnl-dev libopenblas-openmp-dev libdlib-dev python3)
# shellcheck disable=SC2034
NASH_CLANG_PACKAGES=(clang-16 libomp-16-dev libclang-rt-16-dev)

# Installs those of the given packages that are missing; needs neither network nor root where none is.
# Returns 1, having said what to do, where it cannot. Set NASH_PACKAGES=skip if you have them from elsewhere.
nash_require_packages() {
  [[ "${NASH_PACKAGES:-}" != skip ]] || return 0
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is no Debian system: nothing is installed. Needed are what Debian calls: $*"
    return 0
  fi

  local package missing=()
  for package in "$@"; do
    [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] ||
      missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0

  local as_root=()
  if [[ $EUID -ne 0 ]]; then
    if ! command -v sudo >/dev/null || ! sudo -v; then
      {
        echo "These packages are missing, and installing them takes root or sudo: ${missing[*]}"
        echo "Ask somebody who may to run:  apt-get install --no-install-recommends ${missing[*]}"
        echo "If you have them from elsewhere, set NASH_PACKAGES=skip."
      } >&2
      return 1
    fi
    as_root=(sudo)
  fi

  echo "Installing ${missing[*]}"
  local log
  log=$(mktemp)
  local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends
    -o DPkg::Lock::Timeout=300 "${missing[@]}")
  # Without lists of packages, or with old ones, the first attempt fails.
  if ! "${install[@]}" >"$log" 2>&1 </dev/null &&
    ! { "${as_root[@]}" apt-get update && "${install[@]}"; } >"$log" 2>&1 </dev/null; then
    {
      cat "$log"
      echo "Installing failed; see above. Needed are: ${missing[*]}"
    } >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
